/* The digits of std-shim/data as they are; the Makefile says where. See digits.LICENSE.md there. */
    .section .digits, "a"
    .global digits_images
    .global digits_labels
digits_images:
    .incbin "digits-images-idx3-ubyte"
digits_labels:
    .incbin "digits-labels-idx1-ubyte"
#ifdef __linux__
    .section .note.GNU-stack, "", %progbits
#endif

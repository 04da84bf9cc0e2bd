/* From reset to main, in place of newlib's own: that asks the debugger where the stack is. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t stack_bottom[], stack_in_reset[], stack_top[], data_start[], data_end[], data_in_flash[], bss_start[], bss_end[];
extern int main(void);
extern void initialise_monitor_handles(void);
void reset(void);
void stop(void);
size_t stack_used(void);

/* What unused stack holds. */
static const uint32_t PAINT = 0xdeadbeef;

void reset(void)
{
#if __ARM_FP
    /* Coprocessors 10 and 11, the FPU, are off after reset. */
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
    __asm__ volatile("dsb\n isb");
#endif
    for (volatile uint32_t *word = stack_bottom; word < stack_in_reset; word++) {
        *word = PAINT;
    }
    memcpy(data_start, data_in_flash, (size_t)((char *)data_end - (char *)data_start));
    memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
    initialise_monitor_handles();
    exit(main());
}

/* The most bytes of stack that were in use so far. */
size_t stack_used(void)
{
    const volatile uint32_t *word = stack_bottom;
    while (word < stack_top && *word == PAINT) {
        word++;
    }
    return (size_t)((char *)stack_top - (char *)word);
}

void stop(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (const void *)(uintptr_t)reset, (const void *)(uintptr_t)stop, (const void *)(uintptr_t)stop,
};

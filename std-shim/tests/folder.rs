//! Folders of images: good ones, and files that are not what they seem.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::path::Path;

use common::Folder;
use flatgrad::data::{Dataset, ImageFolder, Label, Loader, Normalizer, Scratch, Task, Values};
use flatgrad::{DataFault, Error};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn gray(width: u32, height: u32, value: u8) -> DynamicImage {
    DynamicImage::ImageLuma8(GrayImage::from_fn(width, height, |x, y| Luma([value + (y * width + x) as u8])))
}

fn color(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, 100 + y as u8, 200])))
}

fn put(folder: &Folder, path: &str, content: &[u8]) {
    std::fs::create_dir_all(folder.file(path).parent().unwrap()).unwrap();
    folder.write(path, content);
}

fn put_image(folder: &Folder, path: &str, image: &DynamicImage) {
    put(folder, path, &encoded(image, ImageFormat::from_path(path).unwrap()));
}

fn read(data: &dyn Dataset, index: usize) -> Vec<u8> {
    match data.read(index, &mut Scratch::default()).unwrap() {
        Values::Bytes(bytes) => bytes.to_vec(),
        Values::Floats(_) => panic!("floats"),
    }
}

/// Two classes of gray images of 3 x 2.
fn pets() -> Folder {
    let folder = Folder::empty();
    put_image(&folder, "dog/b.png", &gray(3, 2, 10));
    put_image(&folder, "dog/a.png", &gray(3, 2, 20));
    put_image(&folder, "cat/9.png", &gray(3, 2, 30));
    put(&folder, "cat/.hidden.png", b"");
    put(&folder, "cat/notes.txt", b"these are cats");
    put(&folder, ".git/config", b"");
    folder
}

/// The fault, and the name of the file it is found in.
#[track_caller]
fn fault(result: flatgrad::Result<ImageFolder>) -> (String, DataFault) {
    match result {
        Err(Error::Data { origin, fault }) => (Path::new(&origin).file_name().unwrap().to_str().unwrap().into(), fault),
        other => panic!("expected a fault, got {other:?}"),
    }
}

#[test]
fn classes_and_images_are_sorted_and_gray_stays_gray() {
    let folder = pets();
    let data = ImageFolder::open(folder.path(), None).unwrap();
    assert_eq!((data.len(), data.shape(), data.task()), (3, [1, 2, 3], &Task::classes(["cat", "dog"])));
    assert_eq!([0, 1, 2].map(|i| data.target(i)), [0, 1, 1].map(Label::Class));
    assert_eq!(read(&data, 0), [30, 31, 32, 33, 34, 35]);
    assert_eq!((read(&data, 1)[0], read(&data, 2)[0]), (20, 10), "a.png before b.png");
    assert!(data.read(3, &mut Scratch::default()).is_err());
}

#[test]
fn one_image_in_color_makes_all_have_three_channels() {
    let folder = pets();
    put_image(&folder, "cat/color.png", &color(3, 2));
    let data = ImageFolder::open(folder.path(), None).unwrap();
    assert_eq!(data.shape(), [3, 2, 3]);
    assert_eq!(read(&data, 1), [0, 1, 2, 0, 1, 2, 100, 100, 100, 101, 101, 101, 200, 200, 200, 200, 200, 200]);
    assert_eq!(read(&data, 0), [30, 31, 32, 33, 34, 35].repeat(3));
}

#[test]
fn transparency_is_dropped_and_16_bits_become_8() {
    let folder = Folder::empty();
    put_image(&folder, "a/1.png", &DynamicImage::ImageRgba8(RgbaImage::from_pixel(1, 1, Rgba([1, 2, 3, 0]))));
    put_image(&folder, "a/2.png", &DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(1, 1, Luma([0xffff]))));
    let data = ImageFolder::open(folder.path(), None).unwrap();
    assert_eq!((read(&data, 0), read(&data, 1)), (vec![1, 2, 3], vec![255; 3]));
}

#[test]
fn jpeg_is_read_whatever_its_name_says() {
    let folder = Folder::empty();
    put(&folder, "a/1.png", &encoded(&color(16, 8), ImageFormat::Jpeg));
    let data = ImageFolder::open(folder.path(), None).unwrap();
    assert_eq!(data.shape(), [3, 8, 16]);
    let blue = &read(&data, 0)[2 * 128..];
    assert!(blue.iter().all(|&b| b.abs_diff(200) < 12), "{blue:?}");
}

#[test]
fn mixed_sizes_need_a_resize() {
    let folder = pets();
    put_image(&folder, "dog/wide.png", &gray(6, 2, 10));
    let (file, found) = fault(ImageFolder::open(folder.path(), None));
    assert_eq!(file, "wide.png");
    assert!(matches!(&found, DataFault::MixedSizes { found: [2, 6], expected: [2, 3], other }
            if other.ends_with("cat/9.png")));
    assert!(found.to_string().contains("`resize`"), "{found}");
    let data = ImageFolder::open(folder.path(), Some([4, 4])).unwrap();
    assert_eq!((data.shape(), read(&data, 3).len()), ([1, 4, 4], 16));
    assert!(matches!(ImageFolder::open(folder.path(), Some([0, 4])), Err(Error::Setting { what: "resize", .. })));
    assert!(matches!(ImageFolder::open(folder.path(), Some([4, 1 << 20])), Err(Error::Setting { .. })));
}

#[test]
fn a_test_part_has_the_classes_and_the_size_of_the_training_part() {
    let folder = pets();
    let train = ImageFolder::open(folder.path(), None).unwrap();
    let test = Folder::empty();
    put_image(&test, "dog/1.png", &gray(3, 2, 0));
    let part = train.open_like(test.path()).unwrap();
    assert_eq!((part.len(), part.target(0), part.task()), (1, Label::Class(1), train.task()));
    put_image(&test, "dog/2.png", &gray(2, 2, 0));
    assert!(matches!(fault(train.open_like(test.path())).1, DataFault::MixedSizes { found: [2, 2], .. }));
    put_image(&test, "emu/1.png", &gray(3, 2, 0));
    assert_eq!(fault(train.open_like(test.path())), ("emu".into(), DataFault::UnknownClass));
}

#[test]
fn folders_without_classes_or_images_are_named() {
    let folder = Folder::empty();
    assert_eq!(fault(ImageFolder::open(folder.path(), None)).1, DataFault::NoClasses);
    put_image(&folder, "cat/1.png", &gray(1, 1, 0));
    std::fs::create_dir(folder.file("dog")).unwrap();
    assert_eq!(fault(ImageFolder::open(folder.path(), None)), ("dog".into(), DataFault::NoImages));
    assert!(matches!(ImageFolder::open(&folder.file("none"), None), Err(Error::Io { .. })));
    put(&folder, "dog/1.gif", b"GIF89a");
    assert!(fault(ImageFolder::open(folder.path(), None)).1.to_string().contains("gif"));
}

#[test]
fn files_that_are_no_images_are_named() {
    for content in [&b""[..], b"not an image", b"\x89PNG\r\n\x1a\n", b"BM", b"\xff\xd8\xff\xe0"] {
        let folder = pets();
        put(&folder, "dog/broken.png", content);
        let (file, found) = fault(ImageFolder::open(folder.path(), None));
        assert_eq!(file, "broken.png", "{content:?}");
        assert!(matches!(found, DataFault::Image(_)) && !found.to_string().contains('\n'), "{found}");
    }
}

#[test]
fn a_cut_or_damaged_image_is_an_error_and_no_panic() {
    let noise = RgbImage::from_fn(24, 24, |x, y| Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (x ^ y) as u8]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Jpeg] {
        let whole = encoded(&DynamicImage::ImageRgb8(noise.clone()), format);
        let folder = Folder::empty();
        let attempt = |content: &[u8]| {
            put(&folder, "a/1.png", content);
            let data = ImageFolder::open(folder.path(), None)?;
            data.read(0, &mut Scratch::default()).map(|_| ())
        };
        assert!(attempt(&whole).is_ok());
        for len in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            let result = attempt(&whole[..len]);
            // A JPEG may end early, decoders show what there is; after its pixels a PNG has only checksums and an end.
            let complete = len + 20 > whole.len();
            assert!(result.is_err() || complete || format == ImageFormat::Jpeg, "{format:?} cut at {len}");
        }
        for at in (0..whole.len()).step_by(whole.len() / 60 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            let _ = attempt(&damaged);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_header_that_promises_gigabytes_is_refused() {
    // A valid header of 60,000 x 60,000, and one of 16,000 x 16,000 in 16 bits and four channels: 2 GB.
    for (side, depth, kind) in [(60_000u32, 8u8, 2u8), (16_000, 16, 6)] {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend(side.to_be_bytes());
        png.extend(side.to_be_bytes());
        png.extend([depth, kind, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..]);
        png.extend(crc.sum().to_be_bytes());
        png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        let folder = Folder::empty();
        put(&folder, "a/1.png", &png);
        let before = flatgrad::report::peak_memory().unwrap();
        let result = ImageFolder::open(folder.path(), None);
        let result = result.and_then(|data| data.read(0, &mut Scratch::default()).map(|_| ()));
        assert!(matches!(result, Err(Error::Data { fault: DataFault::Image(_), .. })), "{result:?}");
        assert!(flatgrad::report::peak_memory().unwrap() - before < 64 << 20);
    }
}

#[test]
fn a_file_that_goes_away_or_changes_is_an_error_of_the_batch() {
    let folder = pets();
    let data = ImageFolder::open(folder.path(), None).unwrap();
    let normalizer = Normalizer::fit_with(&data, 2).unwrap();
    assert_eq!(normalizer, Normalizer::fit(&data).unwrap());
    put_image(&folder, "dog/a.png", &gray(2, 2, 0));
    let loader = Loader::new(&data, &normalizer, 3).workers(2);
    let loaded = loader.in_order(|batches| batches.next_batch().map(|_| ()));
    assert!(matches!(loaded, Err(Error::Data { fault: DataFault::Size { found: [2, 2], .. }, .. })));
    std::fs::remove_file(folder.file("dog/a.png")).unwrap();
    assert!(matches!(loader.in_order(|batches| batches.next_batch().map(|_| ())), Err(Error::Io { .. })));
}

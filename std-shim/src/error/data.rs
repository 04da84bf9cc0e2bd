//! What can be wrong with data.

use std::path::PathBuf;

/// What is wrong with a file or a data set.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DataFault {
    /// None of the file's usual names is in the folder.
    #[error("no {} here (nor with .gz)", names.join(" or "))]
    NoFile {
        /// The names looked for.
        names: [String; 2],
    },
    /// The file ends inside its header.
    #[error("not an IDX file: it ends inside the header, after {actual} of {needed} bytes")]
    Header {
        /// The length of the header.
        needed: usize,
        /// What there is of it.
        actual: usize,
    },
    /// The file does not start like an IDX file of bytes with this many dimensions.
    #[error("not an IDX file of bytes with {dims} dimensions: it starts {found:02x?}, not [00, 00, 08, {dims:02x}]")]
    Magic {
        /// The dimensions expected: 3 for images, 1 for labels.
        dims: usize,
        /// The first four bytes.
        found: [u8; 4],
    },
    /// The header asks for more than the reader is willing to hold.
    #[error("the header promises {} bytes, more than the {} MiB this reader accepts", product(dims), limit >> 20)]
    Limit {
        /// The dimensions in the header.
        dims: Vec<u32>,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file is shorter than its header promises.
    #[error("cut short: the header promises {promised} bytes of data, the file has {actual}")]
    Truncated {
        /// What the header promises.
        promised: u64,
        /// What there is.
        actual: u64,
    },
    /// The file goes on after the data its header promises.
    #[error("the file goes on after the {promised} bytes of data that its header promises")]
    Trailing {
        /// What the header promises.
        promised: u64,
    },
    /// The compressed stream is cut short or damaged.
    #[error("damaged or cut short gzip file: {0}")]
    Gzip(String),
    /// There are no samples.
    #[error("no samples")]
    Empty,
    /// A dimension of the images is 0.
    #[error("images of {channels} x {height} x {width} have no pixels")]
    NoPixels {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// More samples than an order of samples can number.
    #[error("{samples} samples are more than {}", u32::MAX)]
    TooMany {
        /// The number of samples.
        samples: usize,
    },
    /// A number of a sample is infinite or not a number.
    #[error("a {what} of sample {index} is not a finite number")]
    NotFinite {
        /// The sample, counted from 0.
        index: usize,
        /// `value` or `target`.
        what: &'static str,
    },
    /// The targets are not a whole number of samples.
    #[error("{actual} targets are not a whole number of samples with {outputs} each")]
    Targets {
        /// The number of targets.
        actual: usize,
        /// Targets of one sample.
        outputs: usize,
    },
    /// The images' bytes are not a whole number of images.
    #[error("{actual} bytes are not {images} images of {pixels} pixels")]
    Pixels {
        /// The number of bytes.
        actual: usize,
        /// The number of labels, so of images.
        images: usize,
        /// Pixels of one image.
        pixels: usize,
    },
    /// Images and labels do not pair up.
    #[error("{labels} labels, but {} has {images} images", images_file.display())]
    Count {
        /// Labels in this file.
        labels: usize,
        /// Images in the other.
        images: usize,
        /// The other file.
        images_file: PathBuf,
    },
    /// A label is not a class.
    #[error("label {label} of sample {index} is not below the number of classes, {classes}")]
    Label {
        /// The sample, counted from 0.
        index: usize,
        /// Its label.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// Training and test images differ in size.
    #[error("images of {found:?} pixels, but the training images have {expected:?}")]
    Size {
        /// Height and width here.
        found: [usize; 2],
        /// Height and width of the training images.
        expected: [usize; 2],
    },
    /// Samples have another number of channels, or columns, than the normalization was measured on.
    #[error("{found} channels, but the normalization has {expected}")]
    Channels {
        /// Channels here.
        found: usize,
        /// Channels of the training part.
        expected: usize,
    },
    /// A folder of images has no folders for classes.
    #[error("no folders of images here: each class needs one")]
    NoClasses,
    /// The folder of a class has no images.
    #[error("no PNG, JPEG or BMP images here")]
    NoImages,
    /// The test part has the folder of a class that the training part lacks.
    #[error("the training part has no class of this name")]
    UnknownClass,
    /// An image cannot be read.
    #[error("not a readable image: {0}")]
    Image(String),
    /// Images have different sizes.
    #[error(
        "{} x {} pixels, but {} has {} x {}: resize them all (`resize`)",
        found[0], found[1], other.display(), expected[0], expected[1]
    )]
    MixedSizes {
        /// Height and width here.
        found: [usize; 2],
        /// Height and width of the first image.
        expected: [usize; 2],
        /// The first image.
        other: PathBuf,
    },
    /// A line of a table has more or fewer fields than the first.
    #[error("line {line} has {found} columns, but the first line has {expected}")]
    Ragged {
        /// The line, counted from 1.
        line: u64,
        /// Its fields.
        found: usize,
        /// The fields of the first line.
        expected: usize,
    },
    /// A field of a table is not what it should be.
    #[error("line {line}, column {column} ({name}): {fault}")]
    Field {
        /// The line, counted from 1.
        line: u64,
        /// The column, counted from 1.
        column: usize,
        /// The column's name.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// A column that was asked for does not exist.
    #[error("no column {wanted:?}: {}", columns(names))]
    NoColumn {
        /// What was asked for.
        wanted: String,
        /// The columns there are.
        names: Vec<String>,
    },
    /// A file is not of the format it should have.
    #[error("{0}")]
    Format(String),
    /// The samples cannot be split in two.
    #[error("{0}")]
    Split(String),
    /// A sample beyond the end, or a buffer of the wrong length, was asked for.
    #[error("sample {index} of {len} into {actual} values, which must be {pixels}")]
    Sample {
        /// The sample asked for.
        index: usize,
        /// The number of samples.
        len: usize,
        /// The buffer's length.
        actual: usize,
        /// Pixels of one image.
        pixels: usize,
    },
}

fn product(dims: &[u32]) -> String {
    dims.iter().map(u32::to_string).collect::<Vec<_>>().join(" x ")
}

/// The first few names.
fn columns(names: &[String]) -> String {
    let shown = names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if names.len() > 12 { ", ..." } else { "" };
    format!("the {} columns are {shown}{more}", names.len())
}

//! Folders of images: a folder per class.

use std::path::{Path, PathBuf};

use image::DynamicImage;

use super::dataset::check_sample;
use super::image_file::{Header, MAX_SIDE, decode, planes, resized};
use super::{DataFault, Dataset, Label, Scratch, Task, Values};
use crate::error::{Error, Result};

const ENDINGS: [&str; 4] = ["png", "jpg", "jpeg", "bmp"];
/// Images that are not read; to leave them out in silence would be worse.
const OTHERS: [&str; 7] = ["gif", "webp", "tif", "tiff", "avif", "heic", "jxl"];

/// A folder with a folder of PNG, JPEG or BMP files for each class; images are decoded when they are asked for.
///
/// Classes are numbered in the order of their folders' names, images in the order of classes and their own names. If
/// all images are gray (a BMP never is) there is one channel, else there are three; transparency is dropped and 16 bits
/// become 8. Folders inside a class, hidden files, and files of other kinds are left out.
///
/// ```
/// use flatgrad::data::{Dataset, ImageFolder, Label};
/// let folder = tempfile::tempdir()?;
/// for class in ["cat", "dog"] {
///     std::fs::create_dir(folder.path().join(class))?;
///     image::RgbImage::new(5, 4).save(folder.path().join(class).join("1.png"))?;
/// }
/// let pets = ImageFolder::open(folder.path(), None)?;
/// assert_eq!((pets.len(), pets.shape(), pets.target(1)), (2, [3, 4, 5], Label::Class(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFolder {
    name: String,
    task: Task,
    shape: [usize; 3],
    resize: bool,
    files: Vec<(PathBuf, u32)>,
}

impl ImageFolder {
    /// Looks at the header of every image; `resize` is the height and width that all are brought to when they are read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Data`] with the folder or file: [`DataFault::NoClasses`], [`DataFault::NoImages`],
    /// [`DataFault::Image`] for a file that cannot be read, and unless they are resized, [`DataFault::MixedSizes`].
    pub fn open(folder: &Path, resize: Option<[usize; 2]>) -> Result<Self> {
        let names = class_names(folder)?;
        Self::of_classes(folder, names, resize, None)
    }

    /// Another folder of the same classes, and of the same size and number of channels.
    ///
    /// # Errors
    ///
    /// As [`ImageFolder::open`]; [`DataFault::UnknownClass`] for a folder that is none of the classes.
    pub fn open_like(&self, folder: &Path) -> Result<Self> {
        let Task::Classes { names } = &self.task else { return Self::open(folder, None) };
        for class in class_names(folder)? {
            if !names.contains(&class) {
                return Err(Error::data(folder.join(class).display(), DataFault::UnknownClass));
            }
        }
        let [channels, height, width] = self.shape;
        let resize = self.resize.then_some([height, width]);
        let like = (channels, self.files.first().map(|(path, _)| (path.clone(), [height, width])));
        Self::of_classes(folder, names.clone(), resize, Some(like))
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The files, in the order of the samples.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    fn of_classes(folder: &Path, names: Vec<String>, resize: Option<[usize; 2]>, like: Option<Like>) -> Result<Self> {
        let mut files = Vec::new();
        for (class, name) in names.iter().enumerate() {
            let path = folder.join(name);
            // A test part need not have all classes.
            if like.is_none() || path.is_dir() {
                files.extend(images_in(&path)?.into_iter().map(|path| (path, class as u32)));
            }
        }
        if let Some(side) = resize.into_iter().flatten().find(|&side| side == 0 || side > MAX_SIDE as usize) {
            return Err(Error::setting("resize", format!("must be from 1 to {MAX_SIDE}, got {side}")));
        }
        let (channels, mut first) = like.unwrap_or((1, None));
        let mut gray = true;
        for (path, _) in &files {
            let header = Header::read(path)?;
            gray &= header.gray;
            match &first {
                None => first = Some((path.clone(), header.size)),
                Some((other, expected)) if resize.is_none() && header.size != *expected => {
                    let fault = DataFault::MixedSizes { found: header.size, expected: *expected, other: other.clone() };
                    return Err(Error::data(path.display(), fault));
                }
                Some(_) => {}
            }
        }
        let Some([height, width]) = resize.or(first.map(|(_, size)| size)).filter(|_| !files.is_empty()) else {
            return Err(Error::data(folder.display(), DataFault::Empty));
        };
        let channels = if channels == 3 || !gray { 3 } else { 1 };
        let task = Task::Classes { names };
        Ok(Self { name: name(folder), task, shape: [channels, height, width], resize: resize.is_some(), files })
    }

    fn decode(&self, path: &Path) -> Result<DynamicImage> {
        let image = decode(path)?;
        let [_, height, width] = self.shape;
        let found = [image.height() as usize, image.width() as usize];
        if self.resize {
            return Ok(resized(image, [height, width]));
        }
        if found != [height, width] {
            return Err(Error::data(path.display(), DataFault::Size { found, expected: [height, width] }));
        }
        Ok(image)
    }
}

/// What a test part must be like: channels, and an image of the training part with its size.
type Like = (usize, Option<(PathBuf, [usize; 2])>);

impl Dataset for ImageFolder {
    fn name(&self) -> &str {
        &self.name
    }
    fn len(&self) -> usize {
        self.files.len()
    }
    fn shape(&self) -> [usize; 3] {
        self.shape
    }
    fn task(&self) -> &Task {
        &self.task
    }
    fn white(&self) -> Option<u8> {
        Some(u8::MAX)
    }
    fn target(&self, index: usize) -> Label<'_> {
        Label::Class(self.files.get(index).map_or(0, |&(_, class)| class))
    }
    fn read<'a>(&'a self, index: usize, scratch: &'a mut Scratch) -> Result<Values<'a>> {
        check_sample(self, index, self.pixels())?;
        planes(&self.decode(&self.files[index].0)?, self.shape[0], &mut scratch.bytes);
        Ok(Values::Bytes(&scratch.bytes))
    }
}

/// The names of the folders in `folder`, sorted.
fn class_names(folder: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> = entries(folder)?.into_iter().filter(|path| path.is_dir()).map(|p| name(&p)).collect();
    names.sort_unstable();
    if names.is_empty() { Err(Error::data(folder.display(), DataFault::NoClasses)) } else { Ok(names) }
}

/// The images of a class, sorted.
fn images_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let ending = |path: &Path| path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let mut images = Vec::new();
    for path in entries(folder)? {
        let ending = ending(&path);
        if OTHERS.contains(&ending.as_str()) {
            let fault = format!("{ending} files are not read: convert it to PNG");
            return Err(Error::data(path.display(), DataFault::Image(fault)));
        }
        if ENDINGS.contains(&ending.as_str()) {
            images.push(path);
        }
    }
    images.sort_unstable();
    if images.is_empty() { Err(Error::data(folder.display(), DataFault::NoImages)) } else { Ok(images) }
}

/// What is in `folder`, without what is hidden.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// The folder's own name; of `.` or `..`, the name of what they stand for.
pub(super) fn name(folder: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let resolved = || folder.canonicalize().ok().and_then(|path| last(&path));
    last(folder).or_else(resolved).unwrap_or_else(|| "data".to_string())
}

//! Named tensors, as PyTorch's `state_dict()` gives them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, View};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::files::{atomic_write, hexadecimal};

/// One tensor in PyTorch's layout: convolutions `[out, in, h, w]`, dense layers `[out, in]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// Weights and statistics.
    F32 {
        /// The dimensions, outermost first.
        shape: Vec<usize>,
        /// The elements, row by row.
        data: Vec<f32>,
    },
    /// A counter: `num_batches_tracked`, of no dimensions.
    I64(i64),
}

/// Named tensors, in the order of PyTorch's `state_dict()`: layer by layer.
///
/// ```
/// use flatgrad::model::StateDict;
/// let mut dict = StateDict::new();
/// // In memory a dense layer's weight is [inputs, outputs]; in the file it is [outputs, inputs].
/// dict.push_dense("fc1.weight", [2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// dict.push("fc1.bias", &[3], vec![0.0; 3])?;
/// let file = dict.to_safetensors()?;
/// assert_eq!(StateDict::from_safetensors(&file)?.get("fc1.bias"), dict.get("fc1.bias"));
/// # Ok::<(), flatgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    entries: Vec<(String, Tensor)>,
}

impl StateDict {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an `f32` tensor.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if the name is taken or the length is not the product of the shape.
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize], data: Vec<f32>) -> Result {
        let name = name.into();
        let len = shape.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
        if len != Some(data.len()) {
            return Err(Error::weights(name, format!("{} elements for the shape {shape:?}", data.len())));
        }
        self.insert(name, Tensor::F32 { shape: shape.to_vec(), data })
    }

    /// Adds a dense layer's weight, stored `[inputs, outputs]`, as PyTorch stores it: `[outputs, inputs]`.
    ///
    /// # Errors
    ///
    /// As for [`StateDict::push`].
    pub fn push_dense(&mut self, name: impl Into<String>, [inputs, outputs]: [usize; 2], weight: &[f32]) -> Result {
        self.push(name, &[outputs, inputs], transpose([inputs, outputs], weight))
    }

    /// Adds a counter.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if the name is taken.
    pub fn push_counter(&mut self, name: impl Into<String>, count: i64) -> Result {
        self.insert(name.into(), Tensor::I64(count))
    }

    fn insert(&mut self, name: String, tensor: Tensor) -> Result {
        if self.get(&name).is_some() {
            return Err(Error::weights(name, "this name is taken"));
        }
        self.entries.push((name, tensor));
        Ok(())
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.iter().find(|(n, _)| *n == name).map(|(_, tensor)| tensor)
    }

    /// All tensors in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The SHA-256 of the weights, in hexadecimal: of every `f32` tensor, one after the other in the order of the
    /// state dict, the elements as little-endian bytes. Names, shapes and counters do not enter.
    ///
    /// In Python, with the weights loaded into a model of the same layers:
    ///
    /// ```python
    /// h = hashlib.sha256()
    /// for t in model.state_dict().values():
    ///     if t.dtype == torch.float32: h.update(t.numpy().tobytes())
    /// ```
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (_, tensor) in self.iter() {
            if let Tensor::F32 { .. } = tensor {
                hash.update(tensor.data());
            }
        }
        hexadecimal(hash)
    }

    /// The content of a safetensors file. The same tensors give the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if the header would be larger than the format allows.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        // One entry of metadata only: with several, a hash map's order would decide over the file's bytes.
        let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
        safetensors::serialize(self.iter(), Some(metadata.into_iter().collect()))
            .map_err(|e| Error::weights("safetensors", e.to_string()))
    }

    /// Reads what [`StateDict::to_safetensors`] or PyTorch wrote. The file does not keep an order: the tensors come
    /// sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Weights`] if it is not a safetensors file or holds other types than `f32` tensors and `i64` scalars.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| Error::weights("safetensors", e.to_string()))?;
        let mut tensors = file.tensors();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        let mut dict = Self::new();
        for (name, view) in tensors {
            match (view.dtype(), view.shape()) {
                (Dtype::F32, shape) => dict.push(name, shape, words(view.data(), f32::from_le_bytes))?,
                (Dtype::I64, []) => dict.push_counter(name, words(view.data(), i64::from_le_bytes)[0])?,
                (dtype, shape) => return Err(Error::weights(name, format!("unexpected type {dtype} {shape:?}"))),
            }
        }
        Ok(dict)
    }

    /// Writes a safetensors file; the old file at `path` is replaced in one go or stays.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Weights`].
    pub fn save(&self, path: &Path) -> Result {
        atomic_write(path, &self.to_safetensors()?)
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], or [`Error::Weights`] naming the file.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        Self::from_safetensors(&bytes).map_err(|e| Error::weights(path.display(), e.to_string()))
    }
}

/// `[rows, cols]` to `[cols, rows]`; a wrong length gives an empty vector, which [`StateDict::push`] refuses.
fn transpose([rows, cols]: [usize; 2], data: &[f32]) -> Vec<f32> {
    if rows.checked_mul(cols) != Some(data.len()) {
        return Vec::new();
    }
    (0..cols).flat_map(|col| (0..rows).map(move |row| data[row * cols + col])).collect()
}

fn words<const N: usize, T>(bytes: &[u8], word: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|chunk| word(std::array::from_fn(|i| chunk[i]))).collect()
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match self {
            Tensor::F32 { .. } => Dtype::F32,
            Tensor::I64(_) => Dtype::I64,
        }
    }
    fn shape(&self) -> &[usize] {
        match self {
            Tensor::F32 { shape, .. } => shape,
            Tensor::I64(_) => &[],
        }
    }
    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Tensor::F32 { data, .. } => data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Tensor::I64(count) => count.to_le_bytes().to_vec().into(),
        }
    }
    fn data_len(&self) -> usize {
        match self {
            Tensor::F32 { data, .. } => 4 * data.len(),
            Tensor::I64(_) => 8,
        }
    }
}

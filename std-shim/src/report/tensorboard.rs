//! Event files for TensorBoard, without TensorFlow.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::train::stats::{EpochStats, ValueStats};
use crate::train::{Callback, EpochEnd, Flow, StepRecord};

/// Writes scalars and histograms into a folder where TensorBoard finds them: `tensorboard --logdir FOLDER`.
///
/// The file is a row of records: length (u64, little-endian), masked CRC-32C of it, an event, masked CRC-32C of that
/// (TensorFlow's TFRecord). An event is a protobuf message with a time, a step and, here, one `simple_value` or one
/// `histo`.
///
/// As a callback it writes `loss/batch` and `lr` for every step, and `loss/train`, `accuracy/train` and the same of
/// `test` (and `validation`, `train_part`) for every epoch. Where layers are looked at
/// ([`Fit::stats`](crate::train::Fit::stats)), it writes for each of them the histograms `outputs/..` and
/// `gradients/..`, and the numbers `gradient_rms/..`, `dead/..`, `saturated/..` and `update_ratio/..`.
///
/// A run that goes on after a checkpoint writes another file; TensorBoard shows both as one run.
///
/// ```
/// use flatgrad::report::TensorBoard;
/// let folder = tempfile::tempdir()?;
/// let mut board = TensorBoard::create(folder.path())?;
/// board.scalar("loss/batch", 1, 2.3)?;
/// let name = board.path().file_name().unwrap().to_str().unwrap();
/// assert!(name.starts_with("events.out.tfevents."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
}

impl TensorBoard {
    /// A new file in `folder`, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let now = now();
        // Nanoseconds and the process keep the files of two runs apart.
        let (nanos, process) = ((now.fract() * 1e9) as u64, std::process::id());
        let path = folder.join(format!("events.out.tfevents.{:010}.flatgrad.{process}.{nanos}", now as u64));
        let file = File::create_new(&path).map_err(Error::io(&path))?;
        let mut board = Self { path, file };
        board.record(&version_event(now))?;
        Ok(board)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number under `tag`, at a step.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn scalar(&mut self, tag: &str, step: u64, value: f32) -> Result {
        self.record(&scalar_event(now(), tag, step, value))
    }

    /// Adds the histogram of some numbers under `tag`, at a step; of those that the description kept.
    ///
    /// ```
    /// use flatgrad::report::TensorBoard;
    /// use flatgrad::train::stats::{Histogram, ValueStats};
    /// let folder = tempfile::tempdir()?;
    /// let histogram = Histogram { low: 0.0, high: 1.0, counts: vec![3, 1] };
    /// let stats = ValueStats { count: 4, mean: 0.25, std: 0.4, histogram, ..ValueStats::default() };
    /// TensorBoard::create(folder.path())?.histogram("outputs/relu", 45, &stats)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn histogram(&mut self, tag: &str, step: u64, stats: &ValueStats) -> Result {
        self.record(&histogram_event(now(), tag, step, stats))
    }

    fn layers(&mut self, stats: &EpochStats) -> Result {
        for layer in &stats.layers {
            let name = layer.name().replace(' ', "_");
            self.histogram(&format!("outputs/{name}"), stats.step, &layer.outputs)?;
            if let Some(gradients) = &layer.gradients {
                self.histogram(&format!("gradients/{name}"), stats.step, gradients)?;
            }
            let numbers = [
                ("gradient_rms", layer.gradients.as_ref().map(ValueStats::rms)),
                ("dead", Some(layer.dead)),
                ("saturated", layer.saturated),
                ("update_ratio", layer.update_ratio),
            ];
            for (what, value) in numbers.into_iter().filter_map(|(what, value)| Some((what, value?))) {
                self.scalar(&format!("{what}/{name}"), stats.step, value as f32)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, event: &[u8]) -> Result {
        self.file.write_all(&framed(event)).map_err(Error::io(&self.path))
    }
}

impl Callback for TensorBoard {
    fn batch(&mut self, step: &StepRecord) -> Result<Flow> {
        self.scalar("loss/batch", step.step, step.batch_loss)?;
        self.scalar("lr", step.step, step.lr)?;
        Ok(Flow::CONTINUE)
    }
    fn epoch(&mut self, epoch: &EpochEnd) -> Result<Flow> {
        let record = epoch.record;
        self.scalar("loss/train", epoch.step, record.train_loss)?;
        self.scalar("loss/test", epoch.step, record.test_loss)?;
        let measured = [
            ("accuracy/train", record.train_accuracy),
            ("accuracy/test", record.test_accuracy),
            ("mae/test", record.test_mae),
            ("loss/validation", record.validation_loss.map(f64::from)),
            ("accuracy/validation", record.validation_accuracy),
            ("mae/validation", record.validation_mae),
            ("loss/train_part", record.train_part_loss.map(f64::from)),
            ("accuracy/train_part", record.train_part_accuracy),
            ("mae/train_part", record.train_part_mae),
        ];
        for (tag, value) in measured.into_iter().filter_map(|(tag, value)| Some((tag, value?))) {
            self.scalar(tag, epoch.step, value as f32)?;
        }
        if let Some(stats) = epoch.stats {
            self.layers(stats)?;
        }
        Ok(Flow::CONTINUE)
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// `Event { wall_time = 1: double, file_version = 3: string }`
fn version_event(time: f64) -> Vec<u8> {
    let mut event = wall_time(time);
    bytes_field(&mut event, 3, b"brain.Event:2");
    event
}

/// `Value { tag = 1, simple_value = 2: float }`
fn scalar_event(time: f64, tag: &str, step: u64, value: f32) -> Vec<u8> {
    let mut inner = tagged(tag);
    inner.push(2 << 3 | 5);
    inner.extend(value.to_le_bytes());
    summary_event(time, step, &inner)
}

/// `Value { tag = 1, histo = 5: HistogramProto }`, which TensorBoard turns into what it draws. Its fields: `min = 1`,
/// `max = 2`, `num = 3`, `sum = 4`, `sum_squares = 5`, and of the parts `bucket_limit = 6` (their upper ends) and
/// `bucket = 7` (how many numbers), all double.
fn histogram_event(time: f64, tag: &str, step: u64, stats: &ValueStats) -> Vec<u8> {
    let histogram = &stats.histogram;
    let kept: f64 = histogram.counts.iter().copied().map(f64::from).sum();
    // A part without width would not be drawn; TensorBoard's own summaries widen it as much.
    let wider = if histogram.counts.len() == 1 { 0.5 } else { 0.0 };
    let (low, high) = (f64::from(histogram.low) - wider, f64::from(histogram.high) + wider);
    let mut histo = Vec::new();
    let numbers = [low, high, kept, stats.mean * kept, stats.rms().powi(2) * kept];
    for (field, number) in (1u8..).zip(numbers) {
        histo.push(field << 3 | 1);
        histo.extend(number.to_le_bytes());
    }
    let limits = (0..histogram.counts.len()).map(|part| histogram.limit(part) + wider);
    bytes_field(&mut histo, 6, &limits.flat_map(f64::to_le_bytes).collect::<Vec<_>>());
    let counts = histogram.counts.iter().copied().map(f64::from);
    bytes_field(&mut histo, 7, &counts.flat_map(f64::to_le_bytes).collect::<Vec<_>>());
    let mut inner = tagged(tag);
    bytes_field(&mut inner, 5, &histo);
    summary_event(time, step, &inner)
}

fn tagged(tag: &str) -> Vec<u8> {
    let mut value = Vec::new();
    bytes_field(&mut value, 1, tag.as_bytes());
    value
}

/// `Event { wall_time = 1, step = 2: int64, summary = 5: Summary { value = 1: Value } }`
fn summary_event(time: f64, step: u64, value: &[u8]) -> Vec<u8> {
    let (mut summary, mut event) = (Vec::new(), wall_time(time));
    bytes_field(&mut summary, 1, value);
    event.push(2 << 3);
    varint(&mut event, step);
    bytes_field(&mut event, 5, &summary);
    event
}

fn wall_time(time: f64) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend(time.to_le_bytes());
    event
}

fn bytes_field(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn framed(event: &[u8]) -> Vec<u8> {
    let len = (event.len() as u64).to_le_bytes();
    [&len[..], &masked_crc(&len).to_le_bytes(), event, &masked_crc(event).to_le_bytes()].concat()
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), bit by bit: events are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::stats::Histogram;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn an_event_has_the_bytes_of_the_protocol() {
        let event = scalar_event(1.5, "lr", 300, 0.25);
        let by_hand = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f][..], // 1: 1.5
            &[0x10, 0xac, 0x02],                       // 2: 300
            &[0x2a, 0x0b, 0x0a, 0x09],                 // 5: 11 bytes, in them 1: 9 bytes
            &[0x0a, 0x02, b'l', b'r'],                 // 1: "lr"
            &[0x15, 0, 0, 0x80, 0x3e],                 // 2: 0.25
        ];
        assert_eq!(event, by_hand.concat());
        let histogram = Histogram { low: -1.0, high: 1.0, counts: vec![1, 2] };
        let stats = ValueStats { mean: 0.5, std: 0.5, histogram, ..ValueStats::default() };
        let doubles = |numbers: &[f64]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let field = |field: u8, number: f64| [&[field << 3 | 1][..], &number.to_le_bytes()].concat();
        let by_hand = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 7, 0x2a, 88, 0x0a, 86][..],
            &[0x0a, 1, b'h', 0x2a, 81],
            &field(1, -1.0),
            &field(2, 1.0),
            &field(3, 3.0),
            &field(4, 1.5),
            &field(5, stats.rms().powi(2) * 3.0),
            &[0x32, 16],
            &doubles(&[0.0, 1.0]),
            &[0x3a, 16],
            &doubles(&[1.0, 2.0]),
        ];
        assert_eq!(histogram_event(1.5, "h", 7, &stats), by_hand.concat());
        let record = framed(&event);
        assert_eq!(record.len(), 8 + 4 + event.len() + 4);
        assert_eq!(record[..8], (event.len() as u64).to_le_bytes());
        let masked = u32::from_le_bytes(record[8..12].try_into().unwrap());
        assert_eq!(masked.wrapping_sub(0xa282_ead8).rotate_left(15), crc32c(&record[..8]));
    }
}

//! Event files for TensorBoard, without TensorFlow.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::train::{Callback, EpochEnd, Flow, StepRecord};

/// Writes scalars into a folder where TensorBoard finds them: `tensorboard --logdir FOLDER`.
///
/// The file is a row of records: length (u64, little-endian), masked CRC-32C of it, an event, masked CRC-32C of that
/// (TensorFlow's TFRecord). An event is a protobuf message with a time, a step and, here, one `simple_value`.
///
/// As a callback it writes `loss/batch` and `lr` for every step, and `loss/test`, `accuracy/test` (and `validation`)
/// for every epoch. A run that goes on after a checkpoint writes another file; TensorBoard shows both as one run.
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
            ("accuracy/test", record.test_accuracy),
            ("mae/test", record.test_mae),
            ("loss/validation", record.validation_loss.map(f64::from)),
            ("accuracy/validation", record.validation_accuracy),
            ("mae/validation", record.validation_mae),
        ];
        for (tag, value) in measured.into_iter().filter_map(|(tag, value)| Some((tag, value?))) {
            self.scalar(tag, epoch.step, value as f32)?;
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

/// `Event { wall_time = 1, step = 2: int64, summary = 5: Summary { value = 1: Value } }`, where a value is
/// `Value { tag = 1, simple_value = 2: float }`.
fn scalar_event(time: f64, tag: &str, step: u64, value: f32) -> Vec<u8> {
    let (mut inner, mut summary, mut event) = (Vec::new(), Vec::new(), wall_time(time));
    bytes_field(&mut inner, 1, tag.as_bytes());
    inner.push(2 << 3 | 5);
    inner.extend(value.to_le_bytes());
    bytes_field(&mut summary, 1, &inner);
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
        let record = framed(&event);
        assert_eq!(record.len(), 8 + 4 + event.len() + 4);
        assert_eq!(record[..8], (event.len() as u64).to_le_bytes());
        let masked = u32::from_le_bytes(record[8..12].try_into().unwrap());
        assert_eq!(masked.wrapping_sub(0xa282_ead8).rotate_left(15), crc32c(&record[..8]));
    }
}

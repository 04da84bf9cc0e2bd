//! NumPy's files.

use std::io::Write;

pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    with_header(&header, data)
}

pub fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A zip file of these arrays, every second one deflated.
pub fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (i, (name, content)) in entries.iter().enumerate() {
        let name = format!("{name}.npy");
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        let packed = if i % 2 == 1 { encoder.finish().unwrap() } else { content.clone() };
        let common = |extra: u16| {
            let mut fields = [[20u16, 0, 8 * (i as u16 % 2), 0, 0].map(u16::to_le_bytes).concat(), vec![0; 4]].concat();
            fields.extend((packed.len() as u32).to_le_bytes());
            fields.extend((content.len() as u32).to_le_bytes());
            fields.extend([name.len() as u16, extra].map(u16::to_le_bytes).concat());
            fields
        };
        let offset = file.len() as u32;
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &common(0), &[0; 10]].concat());
        directory.extend([&offset.to_le_bytes()[..], name.as_bytes()].concat());
        file.extend([&b"PK\x03\x04"[..], &common(3), name.as_bytes(), b"ext", &packed].concat());
    }
    let (count, size, offset) = (entries.len() as u16, directory.len() as u32, file.len() as u32);
    file.extend(directory);
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &[count; 2].map(u16::to_le_bytes).concat()].concat());
    file.extend([size, offset].map(u32::to_le_bytes).concat());
    file.extend([0, 0]);
    file
}

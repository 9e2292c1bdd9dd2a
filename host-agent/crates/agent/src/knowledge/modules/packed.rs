//! Files of modules: distributions keep them plain, or packed by gzip, xz or zstd.

use std::io::{self, Read};

/// What a module's file may have, packed or not: several times that of the largest one.
pub const MOST_BYTES: u64 = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Xz,
    Zstd,
}

impl Packing {
    /// By the first bytes, whatever the file is called.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const KNOWN: [(&[u8], Packing); 4] = [
            (b"\x7fELF", Packing::Plain),
            (b"\x1f\x8b", Packing::Gzip),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
        ];
        KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, packing)| *packing)
    }
}

/// The module itself. An error for a damaged file, and for one that would be larger than any module.
pub fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
    match Packing::of(bytes) {
        Some(Packing::Plain) => Ok(bytes.to_vec()),
        Some(Packing::Gzip) => whole(flate2::read::GzDecoder::new(bytes)),
        Some(Packing::Xz) => whole(lzma_rust2::XzReader::new(bytes, true)),
        Some(Packing::Zstd) => whole(ruzstd::decoding::StreamingDecoder::new(bytes).map_err(io::Error::other)?),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "no module, or packed in an unknown way")),
    }
}

fn whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "larger than any module")),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // "ringside-module" as gzip -9n, xz --check=crc32 --lzma2=dict=1MiB and zstd -19 write it.
    const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xca\xcc\x4b\x2f\xce\x4c\x49\xd5\xcd\xcd\x4f\x29\xcd\x49\x05\x00\x32\xf1\x67\x33\x0f\x00\x00\x00";
    const XZ: &[u8] = b"\xfd\x37\x7a\x58\x5a\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x10\x00\x00\x00\xa8\x70\x8e\x86\x01\x00\x0e\x72\x69\x6e\x67\x73\x69\x64\x65\x2d\x6d\x6f\x64\x75\x6c\x65\x00\x00\x32\xf1\x67\x33\x00\x01\x23\x0f\xdb\xdf\x90\x0e\x90\x42\x99\x0d\x01\x00\x00\x00\x00\x01\x59\x5a";
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x04\x68\x79\x00\x00\x72\x69\x6e\x67\x73\x69\x64\x65\x2d\x6d\x6f\x64\x75\x6c\x65\x3d\xb6\x88\xc9";

    #[test]
    fn every_packing_gives_what_was_packed() {
        for (packed, packing) in [(GZIP, Packing::Gzip), (XZ, Packing::Xz), (ZSTD, Packing::Zstd)] {
            assert_eq!(Packing::of(packed), Some(packing));
            assert_eq!(unpacked(packed).expect("undamaged"), b"ringside-module");
            assert!(unpacked(&packed[..packed.len() / 2]).is_err(), "{packing:?} cut short");
        }
        assert!(unpacked(b"#!/bin/sh").is_err());
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_other_bytes_and_never_a_panic(
            which in 0..3_usize,
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut packed = [GZIP, XZ, ZSTD][which].to_vec();
            let at = at.index(packed.len());
            packed[at] = byte;
            let _ = unpacked(&packed);
        }
    }
}

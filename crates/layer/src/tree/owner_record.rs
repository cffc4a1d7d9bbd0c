//! An owner who could not be had, as an extended attribute of the file: umoci and slirp4netns read and write it too
//! (rootless-containers/proto).

/// What the attribute is called.
pub(crate) const NAME: &[u8] = b"user.rootlesscontainers";

/// The message `Resource { uint32 uid = 1; uint32 gid = 2; }` of protobuf; zeros are left out.
pub(crate) fn written((uid, gid): (u32, u32)) -> Vec<u8> {
    let mut record = Vec::new();
    for (tag, id) in [(0x08, uid), (0x10, gid)] {
        if id != 0 {
            record.push(tag);
            let mut left = id;
            while left >= 0x80 {
                record.push((left & 0x7f) as u8 | 0x80);
                left >>= 7;
            }
            record.push(left as u8);
        }
    }
    record
}

/// The owner that a record says; `None` where it is none.
pub(crate) fn read(record: &[u8]) -> Option<(u32, u32)> {
    let (mut uid, mut gid) = (0, 0);
    let mut bytes = record.iter();
    while let Some(tag) = bytes.next() {
        let (mut value, mut shift) = (0u64, 0);
        loop {
            let byte = bytes.next()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                break;
            }
            shift += 7;
        }
        let value = u32::try_from(value).ok()?;
        match tag {
            0x08 => uid = value,
            0x10 => gid = value,
            _ => return None,
        }
    }
    Some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_recorded_as_protobuf_has_them() {
        assert_eq!(written((0, 0)), b"");
        assert_eq!(written((1, 0)), b"\x08\x01");
        assert_eq!(written((300, 42)), b"\x08\xac\x02\x10\x2a");
        assert_eq!(written((0, u32::MAX - 1)), b"\x10\xfe\xff\xff\xff\x0f");
    }

    #[test]
    fn a_recorded_owner_is_read_and_nonsense_is_none() {
        assert_eq!(read(b"\x08\xac\x02\x10\x2a"), Some((300, 42)));
        assert_eq!(read(b""), Some((0, 0)));
        for nonsense in [&b"\x08"[..], b"\x18\x01", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
    }
}

use super::*;
use proptest::prelude::*;

/// A header as rpm stores it, of strings but for the epoch.
fn header(
    name: &str,
    version: &str,
    release: &str,
    architecture: Option<&str>,
    epoch: Option<u32>,
) -> Vec<u8> {
    let mut store = vec![0; 3];
    let mut index = Vec::new();
    let mut entry = |tag: u32, kind: u32, value: &[u8]| {
        for number in [tag, kind, store.len() as u32, 1] {
            index.extend(number.to_be_bytes());
        }
        store.extend(value);
    };
    entry(63, 7, &[0; 16]);
    for (tag, text) in
        [(1000, Some(name)), (1001, Some(version)), (1002, Some(release)), (1022, architecture)]
    {
        if let Some(text) = text {
            entry(tag, 6, &[text.as_bytes(), b"\0"].concat());
        }
    }
    if let Some(epoch) = epoch {
        entry(1003, 4, &epoch.to_be_bytes());
    }
    let counts = [(index.len() / 16) as u32, store.len() as u32].map(u32::to_be_bytes).concat();
    [counts, index, store].concat()
}

/// rpm's own form, with a slot that is free.
fn ndb(blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(b"RpmP");
    bytes[12] = 1;
    (2..256).for_each(|slot| bytes[slot * 16..][..4].copy_from_slice(b"Slot"));
    for (number, blob) in blobs.iter().enumerate() {
        let (package, block) = ((number + 1) as u32, (bytes.len() / 16) as u32);
        let slot = &mut bytes[(number + 3) * 16..][..16];
        slot[4..8].copy_from_slice(&package.to_le_bytes());
        slot[8..12].copy_from_slice(&block.to_le_bytes());
        bytes.extend(b"BlbS");
        [package, 1, blob.len() as u32].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(blob);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
    }
    bytes
}

fn to_varint(value: usize) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7f) as u8];
    let mut left = value >> 7;
    while left > 0 {
        bytes.insert(0, (left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes
}

const PAGE: usize = 512;

/// A row in a leaf's cell; what does not fit is put into pages behind `pages`.
fn cell(kinds: &[usize], values: &[u8], pages: &mut Vec<Vec<u8>>) -> Vec<u8> {
    let kinds: Vec<u8> = kinds.iter().flat_map(|kind| to_varint(*kind)).collect();
    let row = [to_varint(kinds.len() + 1), kinds, values.to_vec()].concat();
    let mut cell = [to_varint(row.len()), to_varint(1)].concat();
    let least = (PAGE - 12) * 32 / 255 - 23;
    let here = match row.len() {
        length if length <= PAGE - 35 => length,
        length => {
            Some(least + (length - least) % (PAGE - 4)).filter(|here| *here <= PAGE - 35).unwrap_or(least)
        }
    };
    let (local, rest) = row.split_at(here);
    cell.extend(local);
    if !rest.is_empty() {
        cell.extend((pages.len() as u32 + 1).to_be_bytes());
        let chunks: Vec<&[u8]> = rest.chunks(PAGE - 4).collect();
        for (number, chunk) in chunks.iter().enumerate() {
            let next = if number + 1 == chunks.len() { 0 } else { pages.len() as u32 + 2 };
            let mut page = [&next.to_be_bytes()[..], chunk].concat();
            page.resize(PAGE, 0);
            pages.push(page);
        }
    }
    cell
}

fn page(kind: u8, head: usize, cells: &[Vec<u8>], last: Option<u32>) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[head] = kind;
    page[head + 3..head + 5].copy_from_slice(&(cells.len() as u16).to_be_bytes());
    let mut places = head + 8;
    if let Some(last) = last {
        page[head + 8..head + 12].copy_from_slice(&last.to_be_bytes());
        places += 4;
    }
    let mut end = PAGE;
    for cell in cells {
        end -= cell.len();
        page[end..][..cell.len()].copy_from_slice(cell);
        page[places..places + 2].copy_from_slice(&(end as u16).to_be_bytes());
        places += 2;
    }
    page
}

/// SQLite's form: the schema, a page above leaves of one row each.
fn sqlite(blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut pages = vec![Vec::new(); 2];
    let mut leaves = Vec::new();
    for blob in blobs {
        let row = cell(&[0, 12 + 2 * blob.len()], blob, &mut pages);
        pages.push(page(13, 0, &[row], None));
        leaves.push(pages.len() as u32);
    }
    let schema = |name: &str, root: u8| {
        let texts = ["index", name, name].map(|text| 13 + 2 * text.len());
        let values = [format!("index{name}{name}").as_bytes(), &[root]].concat();
        (texts, values)
    };
    let row = |kind: &str, name: &str, root: u8| {
        let (texts, values) = schema(name, root);
        let values = [kind.as_bytes(), &values[5..]].concat();
        cell(&[13 + 2 * kind.len(), texts[1], texts[2], 1, 0], &values, &mut Vec::new())
    };
    let rows = [row("index", "Packages", 9), row("table", "Name", 9), row("table", "Packages", 2)];
    let mut first = page(13, 100, &rows, None);
    first[..16].copy_from_slice(b"SQLite format 3\0");
    first[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    let (last, others) = leaves.split_last().map_or((0, &[][..]), |(last, others)| (*last, others));
    let children: Vec<Vec<u8>> = others.iter().map(|page| [&page.to_be_bytes()[..], &[1]].concat()).collect();
    pages[0] = first;
    pages[1] = if leaves.is_empty() { page(13, 0, &[], None) } else { page(5, 0, &children, Some(last)) };
    pages.concat()
}

fn texts(database: &[u8]) -> Vec<String> {
    let text = |package: Package| format!("{} {} {}", package.name, package.version, package.architecture);
    packages(database).unwrap().into_iter().map(text).collect()
}

#[test]
fn packages_are_read_from_either_form_in_their_order() {
    let long = header(&"n".repeat(3000), "1", "2", Some("noarch"), None);
    let blobs = [
        header("bash", "5.2", "1.fc40", Some("x86_64"), None),
        header("bind", "9.18", "2", Some("x86_64"), Some(32)),
        header("gpg-pubkey", "a15b79cc", "63d04c2c", None, None),
        long,
    ];
    for form in [sqlite(&blobs), ndb(&blobs)] {
        let found = texts(&form);
        assert_eq!(
            found[..3],
            ["bash 5.2-1.fc40 x86_64", "bind 32:9.18-2 x86_64", "gpg-pubkey a15b79cc-63d04c2c "]
        );
        assert_eq!(found[3], format!("{} 1-2 noarch", "n".repeat(3000)));
    }
    for form in [sqlite(&[]), ndb(&[]), Vec::new()] {
        assert_eq!(texts(&form), Vec::<String>::new());
    }
}

#[test]
fn what_is_not_read_says_why() {
    let berkeley = [&[0; 12][..], &[0x61, 0x15, 0x06, 0], &[0; 100]].concat();
    for (database, why) in [
        (berkeley, "rpm's in the form of Berkeley DB, which is not read"),
        (b"nonsense".to_vec(), "no database of rpm's that is known"),
        (ndb(&[b"no header".to_vec()]), "a damaged database of rpm's"),
        (sqlite(&[header("", "1", "2", None, None)]), "a damaged database of rpm's"),
        (sqlite(&[])[..600].to_vec(), "a damaged database of rpm's"),
    ] {
        let error = packages(&database[..]).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidData, why.to_owned()));
    }
}

#[test]
fn pages_in_a_circle_end() {
    let mut circle = sqlite(&[header("a", "1", "2", None, None)]);
    circle[PAGE + 8..PAGE + 12].copy_from_slice(&2_u32.to_be_bytes());
    assert!(packages(&circle[..]).is_err());
    // a chain that leads back into itself ends with the row that it is of
    let mut chain = sqlite(&[header(&"n".repeat(3000), "1", "2", None, None)]);
    chain[2 * PAGE..2 * PAGE + 4].copy_from_slice(&3_u32.to_be_bytes());
    assert!(packages(&chain[..]).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_noise_harms_nothing(
        names in prop::collection::vec("[a-z][a-z0-9+.-]{0,900}", 0..6),
        at in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let blobs: Vec<Vec<u8>> = names.iter().map(|name| header(name, "1", "2", Some("noarch"), None)).collect();
        for mut form in [sqlite(&blobs), ndb(&blobs)] {
            let found: Vec<String> = packages(&form[..]).unwrap().into_iter().map(|package| package.name).collect();
            prop_assert_eq!(&found, &names);
            let at = at.index(form.len() - noise.len());
            form[at..at + noise.len()].copy_from_slice(&noise);
            let _ = packages(&form[..]);
        }
    }
}

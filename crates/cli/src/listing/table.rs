//! Docker's table of images.

use super::Listed;
use crate::age::human_age;
use crate::io::Io;
use crate::table::{Align, Table};

/// Docker's table of images.
pub fn table(io: &mut Io, images: &[Listed], digests: bool, whole: bool) -> Table {
    let mut columns = vec![
        ("REPOSITORY", Align::Left),
        ("TAG", Align::Left),
        ("IMAGE ID", Align::Left),
        ("CREATED", Align::Left),
    ];
    if digests {
        columns.insert(2, ("DIGEST", Align::Left));
    }
    columns.push(("SIZE", Align::Right));
    let now = io.clock().now();
    let mut table = Table::new(&columns, io.output().is_terminal());
    for listed in images {
        let mut cells = listed.name().to_vec();
        if digests {
            cells.push(listed.image.descriptor.digest.to_string());
        }
        cells.extend([listed.id(whole), human_age(listed.created.as_deref(), now), listed.size()]);
        table.row(cells);
    }
    table
}

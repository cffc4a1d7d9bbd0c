//! The tables of `oci-images`.

use super::Listed;
use crate::age::human_age;
use crate::io::Io;
use crate::size::human_size;
use crate::table::{Align, Table};
use crate::weight::Weights;

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

/// What sharing saves: for each image the bytes that others need too, and those that only it needs.
pub fn df_table(io: &mut Io, images: &[Listed], weights: &Weights) -> Table {
    let columns = [
        ("REPOSITORY", Align::Left),
        ("TAG", Align::Left),
        ("IMAGE ID", Align::Left),
        ("SIZE", Align::Right),
        ("SHARED", Align::Right),
        ("UNIQUE", Align::Right),
    ];
    let mut table = Table::new(&columns, io.output().is_terminal());
    for listed in images {
        let (size, unique) = (listed.reach.bytes(), weights.unique(&listed.reach));
        let [repository, tag] = listed.name();
        table.row([
            repository,
            tag,
            listed.id(false),
            human_size(size),
            human_size(size - unique),
            human_size(unique),
        ]);
    }
    let (total, shared) = weights.total_and_shared();
    let row = ["all images", "", "", &human_size(total), &human_size(shared), &human_size(total - shared)];
    table.row(row.map(str::to_owned));
    let saved = human_size(weights.unshared() - total);
    table.row(["saved by sharing", "", "", &saved, "", ""].map(str::to_owned));
    table
}

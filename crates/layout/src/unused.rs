//! Images that nobody has used for a while: a cache's, which can be made again.

use crate::error::Error;
use crate::layout::Layout;
use crate::path;
use image_format::{Digest, Failure};
use std::time::{Duration, SystemTime};

impl Layout {
    /// Takes the rows of images away that were not used for `age`, named or not, and gives their digests. An image is used
    /// when it is written, and when a writer looks whether it is here ([`image_format::Sink::missing`]). What they alone
    /// needed is then for [`Layout::collect`].
    ///
    /// # Errors
    /// The layout cannot be read or written.
    pub fn remove_unused(&self, age: Duration, dry_run: bool) -> Result<Vec<Digest>, Failure> {
        // an age beyond all times: nothing is so old
        let Some(limit) = SystemTime::now().checked_sub(age) else { return Ok(Vec::new()) };
        if dry_run {
            return self.unused(&self.snapshot()?, limit);
        }
        self.update_index(|edit| {
            let unused = self.unused(edit.before(), limit)?;
            for digest in &unused {
                edit.remove_digest(digest);
            }
            Ok(unused)
        })
    }

    fn unused(&self, snapshot: &crate::Snapshot, limit: SystemTime) -> Result<Vec<Digest>, Failure> {
        let mut unused = Vec::new();
        for image in snapshot.images() {
            let digest = image.descriptor.digest;
            let key = path::blob(&digest);
            let stat = self.storage.stat(&key).map_err(Error::io(self.path().join(&key)))?;
            if stat.is_none_or(|stat| stat.modified < limit) && !unused.contains(&digest) {
                unused.push(digest);
            }
        }
        Ok(unused)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Layout, Options};
    use image_format::{MediaType, Sink as _};
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    #[test]
    fn images_go_that_were_not_used_and_those_that_were_looked_at_stay() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("l"), Options { fsync: false }).unwrap();
        let sink = layout.sink().unwrap();
        let [old, used] = ["{\"a\":1}", "{\"a\":2}"].map(|text| {
            let manifest = sink.put(MediaType::OciManifest, text.as_bytes()).unwrap();
            sink.name(Some(&format!("x:{}", manifest.digest.hex()).parse().unwrap()), &manifest).unwrap();
            let blob = File::open(layout.path().join(crate::blob_path(&manifest.digest))).unwrap();
            blob.set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
            manifest
        });
        assert_eq!(sink.missing(std::slice::from_ref(&used)).unwrap(), [&used; 0]);
        let age = Duration::from_secs(50);
        assert_eq!(layout.remove_unused(age, true).unwrap(), [old.digest]);
        assert_eq!(layout.snapshot().unwrap().images().len(), 2);
        assert_eq!(layout.remove_unused(age, false).unwrap(), [old.digest]);
        assert_eq!(layout.snapshot().unwrap().images()[0].descriptor.digest, used.digest);
        assert_eq!(layout.remove_unused(Duration::MAX, false).unwrap(), []);
    }
}

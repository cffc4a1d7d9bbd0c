//! Which images of an index are meant.

use crate::{
    Class, Descriptor, Failure, ImageConfig, Index, MAX_CONFIG_BYTES, MAX_INDEX_DEPTH, Manifest, Node,
    Platform, Raw, Source, read_node, read_verified,
};

/// How many manifests and configs are read at most to find the platforms that an index leaves out.
const MOST_READ: usize = 64;
/// The most platforms that a message names.
const MOST_NAMED: usize = 16;

/// The images of `index` for each wanted platform, in that order and each once, with their platforms.
///
/// Images of an index within the index count too. Writers such as skopeo leave the platform out; then the image's
/// config says it.
///
/// # Errors
/// One is not there ([`Class::NotFound`], which says what is), or a manifest that says no platform cannot be read.
pub fn images_for(
    source: &dyn Source,
    index: &Index,
    wanted: &[Platform],
) -> Result<Vec<Descriptor>, Failure> {
    let mut offer = Offer { source, images: Vec::new(), left: MOST_READ };
    offer.add(index, 0)?;
    let mut chosen: Vec<Descriptor> = Vec::new();
    for platform in wanted {
        let best = platform.best(&offer.images, |image| image.platform.as_ref());
        let best = best.ok_or_else(|| lacking(platform, &offer.images))?;
        if !chosen.iter().any(|other| other.digest == best.digest) {
            chosen.push(best.clone());
        }
    }
    Ok(chosen)
}

/// The one manifest that `root` stands for: its own, or an index's for `platform` (the host's, where that is `None`).
///
/// # Errors
/// It is not there, or there is none for that platform ([`Class::NotFound`], which says what there is).
pub fn image_for(
    source: &dyn Source,
    root: &Descriptor,
    platform: Option<&Platform>,
) -> Result<(Descriptor, Raw<Manifest>), Failure> {
    let index = match read_node(source, root)? {
        Node::Manifest(manifest) => {
            platform.map_or(Ok(()), |wanted| check_platforms(source, root, std::slice::from_ref(wanted)))?;
            return Ok((root.clone(), manifest));
        }
        Node::Index(index) => index,
    };
    let wanted = platform.cloned().unwrap_or_else(Platform::host);
    let images =
        images_for(source, &index, std::slice::from_ref(&wanted)).map_err(|failure| match platform {
            None if failure.class() == Class::NotFound => failure.with_hint("choose one with --platform"),
            _ => failure,
        })?;
    for image in images {
        if let Node::Manifest(manifest) = read_node(source, &image)? {
            return Ok((image, manifest));
        }
    }
    Err(Failure::new(Class::Integrity, "an index under the media type of a manifest").at(root.digest))
}

/// The platforms of the images that the index `root` has, in its order and each once; none where it is no index.
///
/// # Errors
/// A manifest that says no platform cannot be read.
pub fn platforms_of(source: &dyn Source, root: &Descriptor) -> Result<Vec<Platform>, Failure> {
    let Node::Index(index) = read_node(source, root)? else { return Ok(Vec::new()) };
    let mut offer = Offer { source, images: Vec::new(), left: MOST_READ };
    offer.add(&index, 0)?;
    let mut platforms: Vec<Platform> = Vec::new();
    for platform in offer.images.into_iter().filter_map(|image| image.platform) {
        if platform.is_known() && !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    Ok(platforms)
}

/// Is the image `root` one for each of the wanted platforms? Only its config can tell.
///
/// # Errors
/// It is not ([`Class::NotFound`]), or cannot be read.
pub fn check_platforms(source: &dyn Source, root: &Descriptor, wanted: &[Platform]) -> Result<(), Failure> {
    let Some(offered) = platform_of(source, root)? else { return Ok(()) };
    let image = root.clone().with_platform(Some(offered.clone()));
    match wanted.iter().find(|wanted| wanted.rank(&offered).is_none()) {
        Some(wanted) => Err(lacking(wanted, &[image])),
        None => Ok(()),
    }
}

/// The images that an index offers, with their platforms.
struct Offer<'a> {
    source: &'a dyn Source,
    images: Vec<Descriptor>,
    /// How many documents may still be read.
    left: usize,
}

impl Offer<'_> {
    fn add(&mut self, index: &Index, depth: usize) -> Result<(), Failure> {
        for child in &index.manifests {
            if child.media_type.is_index() {
                self.add_index(child, depth + 1)?;
            } else {
                self.add_image(child)?;
            }
        }
        Ok(())
    }

    fn add_index(&mut self, child: &Descriptor, depth: usize) -> Result<(), Failure> {
        if self.left == 0 || depth > MAX_INDEX_DEPTH {
            return Ok(());
        }
        self.left -= 1;
        match if_there(read_node(self.source, child))? {
            Some(Node::Index(index)) => self.add(&index, depth),
            _ => Ok(()),
        }
    }

    fn add_image(&mut self, child: &Descriptor) -> Result<(), Failure> {
        if child.platform.is_some() || self.left == 0 {
            self.images.push(child.clone());
            return Ok(());
        }
        self.left -= 1;
        let platform = if_there(platform_of(self.source, child))?.flatten();
        self.images.push(child.clone().with_platform(platform));
        Ok(())
    }
}

/// What a sparse index lacks is not offered.
fn if_there<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.class() == Class::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The platform that the descriptor of a manifest says, or else its config; `None` for what has none.
fn platform_of(source: &dyn Source, image: &Descriptor) -> Result<Option<Platform>, Failure> {
    if image.platform.is_some() || !image.media_type.is_manifest() {
        return Ok(image.platform.clone());
    }
    let Node::Manifest(manifest) = read_node(source, image)? else { return Ok(None) };
    if !manifest.config.media_type.is_config() {
        return Ok(None);
    }
    let config = read_verified(source, &manifest.config, MAX_CONFIG_BYTES)?;
    let config: Raw<ImageConfig> = Raw::parse("image config", config)
        .map_err(|error| Failure::new(Class::Integrity, error).at(manifest.config.digest))?;
    Ok(config.platform())
}

fn lacking(wanted: &Platform, offered: &[Descriptor]) -> Failure {
    let known =
        offered.iter().filter_map(|image| image.platform.as_ref()).filter(|platform| platform.is_known());
    let mut names: Vec<String> = known.map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Failure::new(Class::NotFound, format_args!("no image for {wanted}"));
    }
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    Failure::new(Class::NotFound, format_args!("no image for {wanted}; there is {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MediaType, MemoryStore, edit};

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    fn image(store: &MemoryStore, platform: &str) -> Descriptor {
        let image = edit::Image::scratch(&self::platform(platform), "2026-01-01T00:00:00Z");
        store.put(MediaType::OciConfig, image.config.bytes());
        store
            .put(MediaType::OciManifest, image.manifest.bytes())
            .with_platform(Some(self::platform(platform)))
    }

    fn index(store: &MemoryStore, children: Vec<Descriptor>) -> (Descriptor, Index) {
        let index = Index::new(children);
        (store.put(MediaType::OciIndex, Raw::write(index.clone()).into_bytes()), index)
    }

    #[test]
    fn what_an_index_leaves_out_its_configs_and_inner_indexes_say() {
        let store = MemoryStore::new();
        let [amd64, arm64] = ["linux/amd64", "linux/arm64"].map(|platform| image(&store, platform));
        let (inner, _) = index(&store, vec![arm64.clone()]);
        let (root, outer) = index(&store, vec![amd64.clone().with_platform(None), inner]);
        let wanted = ["linux/arm64", "linux/amd64", "linux/arm64"].map(platform);
        assert_eq!(images_for(&store, &outer, &wanted).unwrap(), [arm64.clone(), amd64]);
        let (found, _) = image_for(&store, &root, Some(&platform("linux/arm64"))).unwrap();
        assert_eq!(found, arm64);
    }

    #[test]
    fn an_image_that_a_sparse_index_lacks_is_not_offered() {
        let (store, elsewhere) = (MemoryStore::new(), MemoryStore::new());
        let gone = image(&elsewhere, "linux/arm64").with_platform(None);
        let (root, _) = index(&store, vec![gone, image(&store, "linux/amd64")]);
        image_for(&store, &root, Some(&platform("linux/amd64"))).unwrap();
        let failure = image_for(&store, &root, Some(&platform("linux/arm64"))).unwrap_err();
        assert_eq!(failure.to_string(), "no image for linux/arm64; there is linux/amd64");
    }

    #[test]
    fn a_lone_image_is_checked_by_its_config() {
        let store = MemoryStore::new();
        let bare = image(&store, "linux/amd64").with_platform(None);
        check_platforms(&store, &bare, &[platform("linux/amd64")]).unwrap();
        let failure = check_platforms(&store, &bare, &[platform("linux/s390x")]).unwrap_err();
        assert_eq!(failure.class(), Class::NotFound);
        let [amd64, s390x] = ["linux/amd64", "linux/s390x"].map(platform);
        for wanted in [None, Some(&amd64)] {
            assert_eq!(image_for(&store, &bare, wanted).unwrap().0, bare);
        }
        let failure = image_for(&store, &bare, Some(&s390x)).unwrap_err();
        assert_eq!(failure.to_string(), "no image for linux/s390x; there is linux/amd64");
    }

    #[test]
    fn only_one_who_has_not_chosen_is_told_to_choose() {
        let store = MemoryStore::new();
        let (root, _) = index(&store, vec![image(&store, "plan9/mips")]);
        let hint = |wanted| image_for(&store, &root, wanted).unwrap_err().hint().map(str::to_owned);
        assert_eq!(hint(None).as_deref(), Some("choose one with --platform"));
        assert_eq!(hint(Some(&platform("linux/s390x"))), None);
    }

    #[test]
    fn the_platforms_of_an_index_are_known_ones_and_each_once() {
        let store = MemoryStore::new();
        let images =
            ["linux/arm64", "linux/amd64", "unknown/unknown"].map(|platform| image(&store, platform));
        let bare = images[1].clone().with_platform(None);
        let (root, _) = index(&store, images.iter().cloned().chain([bare]).collect());
        assert_eq!(platforms_of(&store, &root).unwrap(), ["linux/arm64", "linux/amd64"].map(platform));
        assert!(platforms_of(&store, &images[0]).unwrap().is_empty());
    }

    #[test]
    fn a_long_list_of_platforms_is_cut() {
        let store = MemoryStore::new();
        let offered = (0..50).map(|n| {
            Descriptor::new(MediaType::OciManifest, crate::Digest::sha256(&[n]), 1)
                .with_platform(Some(platform(&format!("linux/x{n}"))))
        });
        let failure =
            images_for(&store, &Index::new(offered.collect()), &[platform("linux/amd64")]).unwrap_err();
        assert!(failure.to_string().ends_with(", 34 more"), "{failure}");
    }

    #[test]
    fn a_hostile_index_is_not_read_without_end() {
        let store = MemoryStore::new();
        let bare: Vec<Descriptor> =
            (0..200).map(|n| image(&store, &format!("linux/x{n}")).with_platform(None)).collect();
        let (_, index) = index(&store, bare);
        images_for(&store, &index, &[platform("linux/x63")]).unwrap();
        images_for(&store, &index, &[platform("linux/x64")]).unwrap_err();
    }
}

//! Which images of an index are meant.

use image_format::{
    Class, Descriptor, Failure, ImageConfig, Index, MAX_CONFIG_BYTES, Node, Platform, Raw, Source, read_node,
    read_verified,
};

/// The platforms that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Platforms {
    /// This machine's.
    #[default]
    Host,
    /// These; several make a new index.
    These(Vec<Platform>),
    /// All, the index as it is.
    All,
}

/// Where more children than this say no platform, their configs are not read to find it.
const MOST_CONFIGS: usize = 64;
/// The most platforms that a message names.
const MOST_NAMED: usize = 16;

/// The children of `index` for each wanted platform, in that order, each with its platform.
///
/// # Errors
/// One is not there ([`Class::NotFound`], which says what is), or a child without a platform cannot be read.
pub(crate) fn children(
    source: &dyn Source,
    index: &Index,
    wanted: &[Platform],
) -> Result<Vec<Descriptor>, Failure> {
    let unknown = index.manifests.iter().filter(|child| child.platform.is_none()).count();
    let mut offered = Vec::with_capacity(index.manifests.len());
    for child in &index.manifests {
        if child.platform.is_some() || unknown > MOST_CONFIGS {
            offered.push(child.clone());
        } else {
            offered.push(with_platform(source, child)?);
        }
    }
    let mut chosen: Vec<Descriptor> = Vec::new();
    for platform in wanted {
        let best = platform.best(&offered, |child| child.platform.as_ref());
        let best = best.ok_or_else(|| lacking(platform, &offered))?;
        if !chosen.iter().any(|other| other.digest == best.digest) {
            chosen.push(best.clone());
        }
    }
    Ok(chosen)
}

/// Is a lone image one of the wanted platforms? Only its config can tell.
///
/// # Errors
/// It is not.
pub(crate) fn check(source: &dyn Source, root: &Descriptor, wanted: &[Platform]) -> Result<(), Failure> {
    let found = with_platform(source, root)?;
    let fits =
        |wanted: &Platform| found.platform.as_ref().is_none_or(|offered| wanted.rank(offered).is_some());
    match wanted.iter().find(|wanted| !fits(wanted)) {
        Some(wanted) => Err(lacking(wanted, &[found])),
        None => Ok(()),
    }
}

/// Writers such as skopeo leave the platform out of an index; then the child's config says it.
fn with_platform(source: &dyn Source, child: &Descriptor) -> Result<Descriptor, Failure> {
    if child.platform.is_some() || !child.media_type.is_manifest() {
        return Ok(child.clone());
    }
    let Node::Manifest(manifest) = read_node(source, child)? else { return Ok(child.clone()) };
    if !manifest.config.media_type.is_config() {
        return Ok(child.clone());
    }
    let config = read_verified(source, &manifest.config, MAX_CONFIG_BYTES)?;
    let config: Raw<ImageConfig> = Raw::parse("image config", config)
        .map_err(|error| Failure::new(Class::Integrity, error).at(manifest.config.digest))?;
    Ok(child.clone().with_platform(config.platform()))
}

fn lacking(wanted: &Platform, offered: &[Descriptor]) -> Failure {
    let known =
        offered.iter().filter_map(|child| child.platform.as_ref()).filter(|platform| platform.is_known());
    let mut list: Vec<String> = known.map(ToString::to_string).collect();
    list.sort();
    list.dedup();
    if list.len() > MOST_NAMED {
        let more = list.len() - MOST_NAMED;
        list.truncate(MOST_NAMED);
        list.push(format!("{more} more"));
    }
    let message = if list.is_empty() {
        format!("no image for {wanted}")
    } else {
        format!("no image for {wanted}; there is {}", list.join(", "))
    };
    Failure::new(Class::NotFound, message).with_hint("choose one with --platform, or take --all-platforms")
}

//! Manifests, indexes and configs from anywhere: what is taken keeps its bytes.
#![no_main]

use image_format::{ImageConfig, Layer, MediaType, Node, Raw, steps};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for media_type in
        ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json", ""]
    {
        let Ok(node) = Node::parse(&MediaType::from(media_type), bytes.to_vec()) else { continue };
        assert_eq!(node.bytes(), bytes);
        let _ = node.children();
    }
    let _ = Node::media_type_of(bytes);
    let Ok(config) = Raw::<ImageConfig>::parse("image config", bytes.to_vec()) else { return };
    assert_eq!(config.bytes(), bytes);
    let _ = config.platform();
    if let Ok(Node::Manifest(manifest)) =
        Node::parse(&MediaType::from("application/vnd.oci.image.manifest.v1+json"), bytes.to_vec())
    {
        let _ = (steps(&manifest, &config), Layer::all(&manifest, &config));
    }
});

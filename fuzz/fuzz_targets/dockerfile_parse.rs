#![no_main]
libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let variables = std::collections::BTreeMap::from([("a".to_owned(), "b*".to_owned())]);
    match dockerfile::Dockerfile::parse_bytes(text) {
        Ok(parsed) => {
            let expander = dockerfile::Expander::new(parsed.directives.escape);
            for step in parsed.stages.iter().flat_map(|stage| &stage.steps) {
                assert!(step.span.end <= text.len());
                let _ = step.expand(&expander, &variables);
            }
        }
        Err(error) => drop(error.render("Dockerfile", text)),
    }
    if let Ok(ignore) = dockerfile::Ignore::parse(text) {
        ignore.ignores(text);
    }
});

#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| {
    let shell = ["/bin/sh".to_owned(), "-c".to_owned()];
    let lines: Vec<dockerfile::Recorded<'_>> = text
        .split('\0')
        .map(|line| {
            let (created_by, comment) = line.split_once('\u{1}').unwrap_or((line, ""));
            dockerfile::Recorded { created_by, comment, has_layer: true }
        })
        .collect();
    for found in dockerfile::recover(&lines, &shell, &dockerfile::Outcome::default()) {
        let Some(instruction) = found.instruction else { continue };
        let parsed = dockerfile::Dockerfile::parse(&format!("FROM scratch\n{instruction}\nUSER end\n"));
        let parsed = parsed.expect("what is recovered is a Dockerfile");
        assert_eq!((parsed.stages.len(), parsed.stages[0].steps.len()), (1, 2), "{instruction:?}");
    }
});

//! Files written in a Dockerfile have the same content from docker's BuildKit and from us.

use std::collections::BTreeMap;
use std::fs;

use dockerfile::{Dockerfile, Expander, Instruction, Scope};
use test_support::need;

const TEXT: &str = r#"FROM scratch
ENV A=1 F=foo.tar.gz S=*x
COPY <<plain /
a $A ${A} "$A" '$A' \$A \\ \n ${N:-"d"}" ${F%.*}
plain
COPY <<'quoted' /
a $A ${A} \$A
quoted
COPY <<-tabs /
	a $A
		b
	tabs
COPY <<"double" <<-'both' /
$A
double
	\$A
	both
COPY <<one <<two /
two
one
one
two
COPY <<joined \
  /renamed
# no comment
\
joined
ADD <<added /
$S
added
COPY <<crlf /
a $A
crlf
COPY <<$name /
x
$name
"#;

#[test]
fn buildkit_writes_the_same_heredocs() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    let text = TEXT.replace("a $A\ncrlf\n", "a $A\r\ncrlf\r\n");
    fs::write(scratch.join("Dockerfile"), &text).expect("a file");
    let output = format!("type=local,dest={}", scratch.inside("out"));
    peers.exec(["docker", "build", "--quiet", "--output", &output, &scratch.inside("")]).succeeds();
    let files = written(&text);
    assert_eq!(files.len(), 11);
    for (name, ours) in files {
        let theirs = fs::read_to_string(scratch.join("out").join(&name)).expect("docker wrote it");
        assert_eq!(ours, theirs, "{name}");
    }
}

/// The files that stand in the Dockerfile, by where they are copied to.
fn written(text: &str) -> BTreeMap<String, String> {
    let dockerfile = Dockerfile::parse(text).unwrap_or_else(|error| panic!("{}", error.render("D", text)));
    let expander = Expander::new('\\');
    let mut scope = Scope::of_image([], "linux");
    let mut files = BTreeMap::new();
    for step in &dockerfile.stages[0].steps {
        let sources = match step.expand(&expander, &scope).expect("it expands").instruction {
            Instruction::Env(pairs) => {
                pairs.iter().for_each(|pair| scope.set(&pair.name, pair.value.text.clone()));
                continue;
            }
            Instruction::Copy(copy) => copy.sources,
            Instruction::Add(add) => add.sources,
            other => panic!("{other:?}"),
        };
        let destination = sources.destination.text.trim_start_matches('/');
        for file in sources.documents {
            let name = if destination.is_empty() { file.name.text } else { destination.to_owned() };
            files.insert(name, file.content);
        }
    }
    files
}

//! What a Dockerfile's variables come to is what they come to in docker's BuildKit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dockerfile::{BuildArgs, Dockerfile, Expander, Instruction, PlatformArgs, Port, Scope};
use serde_json::{Value, json};
use test_support::need;

/// Words with variables, each the value of a label.
const WORDS: [&str; 66] = [
    "$A",
    "${A}",
    "x${A}y",
    "$A$B",
    "$AB",
    "'$A'",
    "\"$A\"",
    "\\$A",
    "\"\\$A\"",
    "'\\$A'",
    "$",
    "$.",
    "a$",
    "\"a$\"",
    "$1",
    "$1a",
    "$@",
    "$$",
    "${A:-x}",
    "${A-x}",
    "${N:-x}",
    "${N-x}",
    "${E:-x}",
    "${E-x}",
    "${A:+x}",
    "${A+x}",
    "${N:+x}",
    "${N+x}",
    "${E:+x}",
    "${E+x}",
    "${A:?x}",
    "${E?x}",
    "${N:-${A}}",
    "${N:-$N}",
    "${N:-${N:-deep}}",
    "${N:-a\\}b}",
    "${N:-'q}'}",
    "${N:-\"q}\"}",
    "\"${N:-'q'}\"",
    "${F#*.}",
    "${F##*.}",
    "${F%.*}",
    "${F%%.*}",
    "${F#foo}",
    "${F%gz}",
    "${F#?}",
    "${F%??}",
    "${F#x}",
    "${F#}",
    "${F/o/0}",
    "${F//o/0}",
    "${F/o*r/-}",
    "${F//?o/-}",
    "${F/x/y}",
    "${F//./\\/}",
    "${F/./$A}",
    "${P##*/}",
    "${P%/*}",
    "${P//\\//:}",
    "${S/\\*/x}",
    "${S#\\*}",
    "a\\ b",
    "\"a\\b\"",
    "a\\b",
    "'a'\"b\"c",
    "日${A}本",
];

const VARIABLES: &str = "ENV A=1 B=two E= F=foo.tar.gz P=/usr/local/bin S=*?x\n";

/// Instructions whose results are compared as a whole.
const REST: &str = r#"ENV A=2 C=$A D="a  b" G=c\ d
ARG X=1 Y=$X
ENV Z=$X$Y
EXPOSE $A 70-72/udp ${N:-9}
VOLUME /v$A [x]
VOLUME ["/j$A", " /k "]
USER u$A:g
STOPSIGNAL SIG${N:-TERM}
ONBUILD COPY a  $A \
    # comment
    /b
ONBUILD RUN <<EOF
$A
EOF
CMD echo  "$A" 'b'
ENTRYPOINT ["a$A", "b\u00e9"]
"#;

#[test]
fn buildkit_gives_variables_the_same_values() {
    let peers = need!("docker");
    let scratch = peers.scratch();
    let labels: String = WORDS.iter().enumerate().map(|(n, word)| format!("LABEL l{n}={word}\n")).collect();
    let text = format!("FROM scratch\n{VARIABLES}{labels}{REST}");
    fs::write(scratch.join("Dockerfile"), &text).expect("a file");
    let build = ["docker", "build", "--quiet", "--no-cache", &scratch.inside("")];
    let image = peers.exec(build).succeeds().stdout().trim().to_owned();
    let inspected = peers.exec(["docker", "image", "inspect", &image]).succeeds().stdout().to_owned();
    peers.exec(["docker", "image", "rm", &image]).succeeds();
    let inspected: Value = serde_json::from_str(&inspected).expect("docker writes JSON");
    let mut theirs = inspected[0]["Config"].clone();
    sort(&mut theirs["Env"]);
    let ours = config(&text);
    for (key, ours) in ours.as_object().expect("an object") {
        if key != "Labels" {
            assert_eq!(ours, &theirs[key], "{key}");
        }
    }
    for (number, word) in WORDS.iter().enumerate() {
        let label = format!("l{number}");
        assert_eq!(ours["Labels"][&label], theirs["Labels"][&label], "{word}");
    }
}

fn sort(list: &mut Value) {
    let list = list.as_array_mut().expect("a list");
    list.sort_by_key(Value::to_string);
}

/// The config that the instructions of the one stage come to.
fn config(text: &str) -> Value {
    let dockerfile = Dockerfile::parse(text).unwrap_or_else(|error| panic!("{}", error.render("D", text)));
    let (expander, given) = (Expander::new('\\'), BuildArgs::new());
    let globals = Scope::global(&PlatformArgs::default(), &PlatformArgs::default(), "", &given);
    let mut scope = Scope::of_image([], "linux");
    let mut environment = vec![("PATH".to_owned(), dockerfile::DEFAULT_PATH.to_owned())];
    let (mut labels, mut volumes, mut onbuild) = (json!({}), json!({}), Vec::new());
    let mut config = json!({});
    for step in &dockerfile.stages[0].steps {
        let expanded = step.expand(&expander, &scope);
        let expanded = expanded.unwrap_or_else(|error| panic!("{}", error.render("D", text)));
        match expanded.instruction {
            Instruction::Arg(arg) => {
                drop(scope.declare(&arg, &globals, &given, &expander).expect("it expands"));
            }
            Instruction::Env(pairs) => pairs.iter().for_each(|pair| {
                scope.set(&pair.name, pair.value.text.clone());
                environment.retain(|(name, _)| *name != pair.name.text || name == "PATH");
                environment.push((pair.name.text.clone(), pair.value.text.clone()));
            }),
            Instruction::Label(pairs) => {
                pairs.iter().for_each(|p| labels[&p.name.text] = json!(p.value.text));
            }
            Instruction::Volume(paths) => paths.iter().for_each(|path| volumes[&path.text] = json!({})),
            Instruction::Onbuild(trigger) => onbuild.push(trigger.expression),
            Instruction::Expose(expose) => {
                let ports: Vec<Port> = expose.ports().expect("ports");
                let ports: BTreeMap<String, Value> =
                    ports.iter().map(|port| (port.to_string(), json!({}))).collect();
                config["ExposedPorts"] = json!(ports);
            }
            Instruction::User(user) => config["User"] = json!(user.text),
            Instruction::Stopsignal(signal) => config["StopSignal"] = json!(signal.text),
            Instruction::Cmd(command) => {
                config["Cmd"] = json!(command.arguments(&["/bin/sh".into(), "-c".into()]));
            }
            Instruction::Entrypoint(command) => config["Entrypoint"] = json!(command.arguments(&[])),
            other => panic!("{other:?}"),
        }
    }
    config["Labels"] = labels;
    config["Volumes"] = volumes;
    config["OnBuild"] = json!(onbuild);
    let values: BTreeMap<String, String> = environment.into_iter().collect();
    config["Env"] =
        json!(values.iter().map(|(name, value)| format!("{name}={value}")).collect::<BTreeSet<_>>());
    config
}

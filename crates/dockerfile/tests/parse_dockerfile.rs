//! `parse-dockerfile` reads the same Dockerfiles, where it handles them: the same instructions at the same places.

use ociutils_dockerfile::{CommandLine, Dockerfile, Instruction, Step};
use parse_dockerfile::{Command, Instruction as Theirs};

const TEXTS: [&str; 5] = [
    "FROM a AS b\nRUN echo a \\\n # c\n b\nCOPY --from=x a b /c\nENV a=b c=d\nLABEL x=y\n",
    "ARG a=1\nFROM --platform=linux/amd64 a\nADD a /\nUSER x\nWORKDIR /y\nVOLUME /z\nEXPOSE 80\nCMD [\"a\", \"b\"]\n",
    "# escape=`\nFROM a\nRUN a `\n b\nSTOPSIGNAL 9\nMAINTAINER m\nSHELL [\"a\"]\nHEALTHCHECK NONE\n",
    "FROM a\nRUN <<E\nb\nE\nCOPY <<F /x\ny\nF\nENTRYPOINT [\"a\", \"\\u00e9\\n\"]\nONBUILD RUN x\n",
    "FROM a\nRUN [\"x\"]\nCMD echo \"a\" 'b'\nENTRYPOINT [\"\"]\nRUN --mount=type=cache,target=/x y\n",
];

macro_rules! keyword {
    ($instruction:expr; $($variant:ident $field:ident),+) => {
        match $instruction {
            $(Theirs::$variant(instruction) => instruction.$field.span.clone(),)+
            other => panic!("{other:?}"),
        }
    };
}

/// Where their instruction's name stands.
fn place(instruction: &Theirs<'_>) -> usize {
    keyword!(instruction; Add add, Arg arg, Cmd cmd, Copy copy, Entrypoint entrypoint, Env env, Expose expose,
        From from, Healthcheck healthcheck, Label label, Maintainer maintainer, Onbuild onbuild, Run run, Shell shell,
        Stopsignal stopsignal, User user, Volume volume, Workdir workdir)
    .start
}

fn steps(dockerfile: &Dockerfile) -> impl Iterator<Item = &Step> {
    dockerfile.stages.iter().flat_map(|stage| &stage.steps)
}

#[test]
fn the_same_instructions_stand_at_the_same_places() {
    for text in TEXTS {
        let theirs = parse_dockerfile::parse(text).expect("it handles this");
        let theirs: Vec<usize> = theirs.instructions.iter().map(place).collect();
        let dockerfile = Dockerfile::parse(text).expect("a Dockerfile");
        let args = dockerfile.global_args.iter().map(|step| step.name.span.start);
        let froms = dockerfile.stages.iter().map(|stage| stage.from.name.span.start);
        let steps = steps(&dockerfile).map(|step| step.name.span.start);
        let mut ours: Vec<usize> = args.chain(froms).chain(steps).collect();
        ours.sort_unstable();
        assert_eq!(ours, theirs, "{text}");
    }
}

#[test]
fn commands_have_the_same_arguments() {
    for text in TEXTS {
        let theirs = parse_dockerfile::parse(text).expect("it handles this");
        let commands = theirs.instructions.iter().filter_map(|instruction| match instruction {
            Theirs::Cmd(cmd) => Some(&cmd.arguments),
            Theirs::Entrypoint(entrypoint) => Some(&entrypoint.arguments),
            _ => None,
        });
        let theirs: Vec<Vec<String>> = commands
            .map(|command| match command {
                Command::Exec(words) => words.value.iter().map(|word| word.value.to_string()).collect(),
                Command::Shell(line) => vec!["sh".into(), line.value.to_string()],
                other => panic!("{other:?}"),
            })
            .collect();
        let dockerfile = Dockerfile::parse(text).expect("a Dockerfile");
        let ours = steps(&dockerfile).filter_map(|step| match &step.instruction {
            Instruction::Cmd(command) | Instruction::Entrypoint(command) => Some(command),
            _ => None,
        });
        let ours: Vec<Vec<String>> =
            ours.map(|command: &CommandLine| command.arguments(&["sh".into()])).collect();
        assert_eq!(ours, theirs, "{text}");
    }
}

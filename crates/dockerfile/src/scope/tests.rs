//! Which value a variable has, where.

use super::*;
use crate::dockerfile::Dockerfile;
use crate::instruction::Instruction;

fn arg(text: &str) -> Arg {
    let dockerfile = Dockerfile::parse(&format!("FROM a\nARG {text}\n")).unwrap();
    match &dockerfile.stages[0].steps[0].instruction {
        Instruction::Arg(arg) => arg.clone(),
        other => panic!("{other:?}"),
    }
}

fn linux() -> PlatformArgs {
    let (os, architecture, variant) = ("linux".into(), "arm64".into(), "v8".into());
    PlatformArgs { os, architecture, variant, ..PlatformArgs::default() }
}

fn given(pairs: &[(&str, &str)]) -> BuildArgs {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn declare(scope: &mut Scope, globals: &Scope, build_args: &BuildArgs, text: &str) -> Declared {
    scope.declare(&arg(text), globals, build_args, &Expander::new('\\')).unwrap()
}

#[test]
fn the_global_scope_knows_the_platforms_unless_the_user_says_otherwise() {
    let scope = Scope::global(&linux(), &linux(), "", &given(&[("TARGETARCH", "mine")]));
    assert_eq!(scope.get("BUILDPLATFORM"), Some("linux/arm64/v8"));
    assert_eq!((scope.get("TARGETARCH"), scope.get("TARGETVARIANT")), (Some("mine"), Some("v8")));
    assert_eq!((scope.get("TARGETSTAGE"), scope.get("TARGETOSVERSION")), (Some("default"), Some("")));
}

#[test]
fn an_argument_is_the_users_value_then_its_default_then_the_global_one() {
    let expander = Expander::new('\\');
    let mut globals = Scope::global(&linux(), &linux(), "x", &given(&[]));
    globals.declare_global(&arg("g=1 h=$g"), &given(&[("g", "2")]), &expander).unwrap();
    assert_eq!(globals.get("h"), Some("2"));
    let mut scope = Scope::of_image([("a", "b")], "linux");
    assert_eq!(scope.get("g"), None);
    let declared = declare(&mut scope, &globals, &given(&[("u", "user")]), "g u=default d=$g$a n");
    let values: Vec<_> = declared.args.iter().map(|arg| arg.value.as_deref()).collect();
    assert_eq!(values, [Some("2"), Some("user"), Some("2b"), None]);
    assert!(scope.is_declared("n") && scope.get("n").is_none() && !scope.is_declared("a"));
    assert_eq!(scope.arguments(), ["g=2", "u=user", "d=2b", "n="]);
}

#[test]
fn path_is_always_set_but_on_windows() {
    assert_eq!(Scope::of_image([], "linux").get("PATH"), Some(DEFAULT_PATH));
    assert_eq!(Scope::of_image([("PATH", "/x")], "linux").get("PATH"), Some("/x"));
    assert_eq!(Scope::of_image([], "windows").get("PATH"), None);
}

#[test]
fn a_stage_on_a_stage_sees_its_variables_and_changes_only_its_own() {
    let globals = Scope::default();
    let mut base = Scope::of_image([("a", "1")], "linux");
    declare(&mut base, &globals, &given(&[]), "b=2");
    let base = Arc::new(base);
    let mut scope = Scope::of_stage(base.clone());
    scope.set("a", "3".into());
    declare(&mut scope, &globals, &given(&[]), "b=4 c=5");
    assert_eq!((scope.get("a"), base.get("a")), (Some("3"), Some("1")));
    assert_eq!(scope.names(), ["a", "PATH", "b", "c"]);
    assert_eq!((scope.arguments(), base.arguments()), (vec!["b=4".into(), "c=5".into()], vec!["b=2".into()]));
}

#[test]
fn a_default_that_names_nothing_is_told_and_one_that_cannot_be_expanded_refused() {
    let (globals, mut scope) = (Scope::default(), Scope::default());
    let declared = declare(&mut scope, &globals, &given(&[]), "a=$b");
    assert_eq!(declared.undefined[0].text, "b");
    assert!(scope.declare(&arg("a=${b"), &globals, &given(&[]), &Expander::new('\\')).is_err());
    // the user's value is taken, whatever the default is
    assert!(scope.declare(&arg("a=${b"), &globals, &given(&[("a", "1")]), &Expander::new('\\')).is_ok());
}

#[test]
fn what_speaks_to_the_builder_never_becomes_a_variable() {
    let mut scope = Scope::default();
    declare(&mut scope, &Scope::default(), &given(&[]), "BUILDKIT_SBOM_SCAN_STAGE=true");
    assert_eq!(scope.get("BUILDKIT_SBOM_SCAN_STAGE"), None);
    assert!(is_proxy_arg("https_proxy") && is_proxy_arg("ALL_PROXY") && !is_proxy_arg("proxy"));
}

"""The corpus's check.py with those command lines alone whose tool is there and whose verb is not left out.

usage: run.py ATTACK TOOLS - --tools-of-verbs       a JSON object: each verb, and the tool that it needs
       run.py ATTACK TOOLS VERB,VERB… ARGUMENTS…    check.py ARGUMENTS… without these verbs
"""
import functools, json, os, sys

sys.dont_write_bytecode = True
sys.setrecursionlimit(20_000)  # check.py walks trees of thousands of directories, which Python 3.11 does by recursion
attack, tools, left_out, *arguments = sys.argv[1:]
sys.path.insert(0, attack)
import check

# Verbs that no case has: each ends as the first of these that the case has.
ALIKE = {"diff": ("rootfs", "unpack"), "commit": ("unpack", "rootfs")}
# An image with itself has no difference, so each of its layers is read; a tree that has nothing of what the image has; and
# the tree that it was unpacked to, before and behind a change of its root.
READ = "oci-diff --layers --files " + check.IMAGE
EMPTY = "mkdir {target} && TOOLS/oci-commit -L {layout} --from {target} --dry-run " + check.IMAGE + " dry:1"
TREE = "rmdir {target} && TOOLS/oci-unpack -q --rootfs " + check.IMAGE + " {target} && touch {target}/new && "
COMMIT = "TOOLS/oci-commit -L {layout} --from {target} " + check.IMAGE + " committed:1 && TOOLS/oci-export -L {layout} --format rootfs -o {output} committed:1"
check.OURS |= {"diff": READ, "commit": " && ".join([EMPTY, TREE + COMMIT]).replace("TOOLS", tools)}


def with_more_verbs(check_case):
    """check_case for cases that have the verbs of ALIKE as well."""
    @functools.wraps(check_case)
    def checked(options, path):
        expected = os.path.join(path, "expect.json")
        with open(expected) as file:
            case = json.load(file)
        for verb, others in ALIKE.items():
            other = next((other for other in others if other in case["verbs"]), None)
            if other:
                case["verbs"].setdefault(verb, case["verbs"][other])
        with open(expected, "w") as file:
            json.dump(case, file)
        return check_case(options, path)
    return checked


check.check_case = with_more_verbs(check.check_case)

if arguments == ["--tools-of-verbs"]:
    tool = {"commit": "oci-commit"}
    print(json.dumps({verb: tool.get(verb, line.split()[0]) for verb, line in check.OURS.items()}))
else:
    left_out = left_out.split(",")
    is_there = lambda verb, line: os.path.exists(os.path.join(tools, "oci-commit" if verb == "commit" else line.split()[0]))
    check.OURS = {v: line for v, line in check.OURS.items() if is_there(v, line) and v not in left_out}
    sys.argv = ["check.py", "--tools", tools, *arguments]
    check.main()

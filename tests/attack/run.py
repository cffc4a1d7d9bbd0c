"""The corpus's check.py with those command lines alone whose tool is there and whose verb is not left out.

usage: run.py ATTACK TOOLS - --tools-of-verbs       a JSON object: each verb, and the tool that it needs
       run.py ATTACK TOOLS VERB,VERB… ARGUMENTS…    check.py ARGUMENTS… without these verbs
"""
import json, os, sys

sys.dont_write_bytecode = True
sys.setrecursionlimit(20_000)  # check.py walks trees of thousands of directories, which Python 3.11 does by recursion
attack, tools, left_out, *arguments = sys.argv[1:]
sys.path.insert(0, attack)
import check

if arguments == ["--tools-of-verbs"]:
    print(json.dumps({verb: line.split()[0] for verb, line in check.OURS.items()}))
else:
    left_out = left_out.split(",")
    is_there = lambda line: os.path.exists(os.path.join(tools, line.split()[0]))
    check.OURS = {v: line for v, line in check.OURS.items() if is_there(line) and v not in left_out}
    sys.argv = ["check.py", "--tools", tools, *arguments]
    check.main()

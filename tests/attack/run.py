"""The corpus's check.py with those command lines alone whose tool is there.

usage: run.py ATTACK TOOLS --tools-of-verbs     a JSON object: each verb, and the tool that it needs
       run.py ATTACK TOOLS ARGUMENTS…           check.py ARGUMENTS…
"""
import json, os, sys

sys.dont_write_bytecode = True
attack, tools, *arguments = sys.argv[1:]
sys.path.insert(0, attack)
import check

if arguments == ["--tools-of-verbs"]:
    print(json.dumps({verb: line.split()[0] for verb, line in check.OURS.items()}))
else:
    check.OURS = {v: line for v, line in check.OURS.items() if os.path.exists(os.path.join(tools, line.split()[0]))}
    sys.argv = ["check.py", "--tools", tools, *arguments]
    check.main()

import os
import shlex
import subprocess


def os_command(name):
    # ruleid: gk-python-os-command
    os.system(f"tar czf {name}.tar.gz {name}")
    # ruleid: gk-python-os-command
    subprocess.getoutput("file " + name)
    # ok: gk-python-os-command
    os.system("sync")
    # ok: gk-python-os-command
    subprocess.run(["tar", "czf", f"{name}.tar.gz", name])


def shell_true(name):
    # ruleid: gk-python-shell-true
    subprocess.run(f"grep {name} log", shell=True, capture_output=True)
    # ruleid: gk-python-shell-true
    subprocess.Popen("grep " + name + " log", shell=True)
    # ok: gk-python-shell-true
    subprocess.run("ls | wc -l", shell=True)
    # ok: gk-python-shell-true
    subprocess.run(["grep", name, "log"])
    # ok: gk-python-shell-true
    subprocess.run(shlex.join(["grep", name]), shell=True)


def run_text(text):
    # ruleid: gk-python-eval
    eval(text)
    # ruleid: gk-python-eval
    exec(text, {})
    # ok: gk-python-eval
    eval("1 + 1")
    # ok: gk-python-eval
    model.eval()

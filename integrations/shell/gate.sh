#!/bin/sh
# Sends reports as evidence and asks the gate, with nothing but curl and git.
#
#   GATEKEEPER_URL=https://gate.example.com GATEKEEPER_TOKEN=gk_... GATEKEEPER_PROJECT=pay/api \
#     sh gate.sh test junit.xml e2e=playwright.xml
#
# The first word is the stage to be entered; the others are reports, `NAME=FILE` where the policy asks for a name.
# GATEKEEPER_WAIT (seconds, default 600) is how long it waits for what is on its way. GATEKEEPER_JOB (default:
# that of the CI system) tells apart the reports of several jobs. Where the source is no git checkout,
# GATEKEEPER_COMMIT and GATEKEEPER_TREE name it.
#
# Ends with 0 allowed, 1 not allowed or a report refused, 2 usage, 3 still pending, 4 the server could not be asked.
# It asks without recording; `gatekeeper check` records the decision.
set -eu
LC_ALL=C
export LC_ALL

die() {
    code=$1
    shift
    printf 'gate.sh: %s\n' "$*" >&2
    exit "$code"
}

[ $# -ge 1 ] || die 2 "usage: gate.sh STAGE [[NAME=]REPORT ...]"
[ -n "${GATEKEEPER_URL:-}" ] || die 2 "set GATEKEEPER_URL"
[ -n "${GATEKEEPER_TOKEN:-}" ] || die 2 "set GATEKEEPER_TOKEN"
[ -n "${GATEKEEPER_PROJECT:-}" ] || die 2 "set GATEKEEPER_PROJECT, such as pay/api"
case $GATEKEEPER_URL in
https://*) ;;
http://127.0.0.1 | http://127.0.0.1[:/]* | http://localhost | http://localhost[:/]*) ;;
*) die 2 "$GATEKEEPER_URL is not encrypted: everybody on the way could read the token" ;;
esac
command -v curl >/dev/null || die 2 "curl is not installed"

stage=$1
shift
url=${GATEKEEPER_URL%/}/api/v1
wait_s=${GATEKEEPER_WAIT:-600}
case $wait_s in '' | *[!0-9]*) die 2 "GATEKEEPER_WAIT is $wait_s, and must be seconds" ;; esac
job=${GATEKEEPER_JOB:-${CI_JOB_NAME:-${JOB_NAME:-${GITHUB_JOB:-}}}}
run=${CI_PIPELINE_ID:-${BUILD_TAG:-${GITHUB_RUN_ID:-}}}
ref=${CI_COMMIT_REF_NAME:-${BRANCH_NAME:-${GITHUB_REF_NAME:-}}}
commit=${GATEKEEPER_COMMIT:-$(git rev-parse --verify 'HEAD^{commit}')} || die 2 "set GATEKEEPER_COMMIT"
tree=${GATEKEEPER_TREE:-$(git rev-parse --verify "$commit^{tree}")} || die 2 "set GATEKEEPER_TREE"

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# In a file, because every user of the machine sees the arguments of a command.
printf 'Authorization: Bearer %s\n' "$GATEKEEPER_TOKEN" >"$work/headers"

# Sets `status` and leaves the answer in $work/answer. No redirect is followed: the token goes nowhere else.
ask() {
    : >"$work/answer"
    status=$(curl --disable --silent --show-error --proto '=http,https' --max-redirs 0 \
        --connect-timeout 10 --max-time 300 --retry 4 --retry-connrefused \
        --header "@$work/headers" --output "$work/answer" --write-out '%{http_code}' "$@") ||
        die 4 "$GATEKEEPER_URL cannot be reached; nothing was decided"
}

# Sets `encoded` to $1 as a part of a query (RFC 3986).
encode() {
    encoded=
    rest=$1
    case $rest in *[!\ -~]*) die 2 "'$1' holds characters other than ASCII" ;; esac
    while [ -n "$rest" ]; do
        tail=${rest#?}
        char=${rest%"$tail"}
        rest=$tail
        case $char in
        [A-Za-z0-9._~/-]) encoded=$encoded$char ;;
        *) encoded=$encoded$(printf '%%%02X' "'$char") ;;
        esac
    done
}

# Adds a parameter to `query`, unless its value is empty.
add() {
    [ -n "$2" ] || return 0
    encode "$2"
    query=$query${query:+&}$1=$encoded
}

# Prints the answer for people: with python3, else with jq, else as it is.
show() {
    if command -v python3 >/dev/null && python3 -I -c '
import json, sys
answer = json.load(open(sys.argv[1], encoding="utf-8"))
def line(text):
    print("".join(char if char.isprintable() else "\ufffd" for char in str(text)))
if "detail" in answer:
    line(answer["detail"])
    line(answer.get("hint") or "")
for item in answer.get("pending") or []:
    line("waiting: " + (item.get("text") or item["code"]))
for item in answer.get("reasons") or []:
    line("- {}: {}".format(item.get("rule") or "decision", item.get("text") or item["code"]))
    if item.get("remedy"):
        line("  to do: " + (item["remedy"].get("text") or item["remedy"]["code"]))
' "$work/answer" 2>/dev/null; then
        return 0
    fi
    if command -v jq >/dev/null && jq -r '
        (.detail // empty), (.hint // empty),
        ((.pending // [])[] | "waiting: " + (.text // .code)),
        ((.reasons // [])[] | "- " + (.rule // "decision") + ": " + (.text // .code))
        ' "$work/answer" 2>/dev/null; then
        return 0
    fi
    cat "$work/answer"
    echo
}

# 1. Every report is sent, also after one that was refused.
refused=0
if git cat-file commit "$commit" >"$work/commit" 2>/dev/null; then
    proof="commit=@$work/commit;filename=commit"
else
    proof=
fi
count=$#
part=0
printf '%s\n' "$job" "$@" >"$work/files"
set_name=$(cksum <"$work/files")
for argument in "$@"; do
    part=$((part + 1))
    name=default
    file=$argument
    case $argument in
    *=*) [ -f "$argument" ] || { name=${argument%%=*} file=${argument#*=}; } ;;
    esac
    if [ ! -f "$file" ] || [ ! -r "$file" ]; then die 2 "there is no report $file"; fi
    case $file in *[\"\\]*) die 2 "the name of $file holds a quote or backslash: rename it" ;; esac
    query=
    add project "$GATEKEEPER_PROJECT"
    add commit "$commit"
    add tree "$tree"
    add name "$name"
    add job "${job:+$job:}$file"
    add run "$run"
    add ref "$ref"
    if [ "$count" -gt 1 ]; then
        # All reports of this call count together: while one is missing, the gate waits, and then it fails.
        add set "files-${set_name%% *}"
        add part "$part/$count"
    fi
    ask --form "report=@\"$file\"" ${proof:+--form "$proof"} "$url/evidence?$query"
    case $status in
    200 | 201) printf 'sent: %s\n' "$file" >&2 ;;
    404 | 409 | 413 | 415 | 422)
        show >&2
        printf 'gate.sh: %s was refused: the server answered %s\n' "$file" "$status" >&2
        refused=1
        ;;
    *)
        show >&2
        die 4 "$file: the server answered $status"
        ;;
    esac
done

# 2. The gate is asked until it can answer, or the time is over.
query=
add project "$GATEKEEPER_PROJECT"
add stage "$stage"
add commit "$commit"
add tree "$tree"
waited=0
while :; do
    ask "$url/gate?$query&http_status=true"
    [ "$status" = 202 ] || break
    [ "$waited" -lt "$wait_s" ] || {
        show
        die 3 "still pending after $waited s; nothing was decided"
    }
    sleep 5
    waited=$((waited + 5))
done

# 3. Only a clear yes is a yes: a proxy may answer 200 to anything.
case $status in
200)
    show
    grep -q '"allowed": *true' "$work/answer" || die 4 "the answer of the server is not a yes of a gate"
    [ "$refused" -eq 0 ] || die 1 "allowed, but a report was refused"
    printf 'gate.sh: %s may enter %s\n' "$GATEKEEPER_PROJECT" "$stage" >&2
    ;;
404 | 409 | 422)
    show
    die 1 "$GATEKEEPER_PROJECT may not enter $stage"
    ;;
*)
    show
    die 4 "the server answered $status; nothing was decided"
    ;;
esac

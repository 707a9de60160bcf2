# Prints the fields of a status file, one a line: DOCUMENT.path.to.field=value
#
#     0.metadata.name=web
#     0.status.ports.0.hostPort=20014
#
# Reads what Berth writes (block style, lists of scalars in brackets, quoted and literal texts), not
# all of YAML: a witness of its own beside `berth get`. A line break in a value is shown as \n.

function unquote(text)
{
    if (text ~ /^".*"$/) {
        text = substr(text, 2, length(text) - 2)
        gsub(/\\"/, "\"", text)
        gsub(/\\\\/, "\\", text)
    } else if (text ~ /^'.*'$/) {
        text = substr(text, 2, length(text) - 2)
        gsub(/''/, "'", text)
    }
    return text
}

function path(    i, text)
{
    text = document
    for (i = 1; i <= depth; i++) {
        text = text "." name[i]
    }
    return text
}

function push(at, word)
{
    column[++depth] = at
    name[depth] = word
}

function print_list(text,    i, rest, item, n)
{
    rest = substr(text, 2, length(text) - 2)
    while (rest != "") {
        match(rest, /^("([^"\\]|\\.)*"|'([^']|'')*'|[^,]*)/)
        item = substr(rest, 1, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
        sub(/^, */, "", rest)
        print path() "." n++ "=" unquote(item)
    }
}

function print_value(text)
{
    if (text ~ /^[|>][-+]?$/) {
        in_literal = 1
        literal = ""
        literal_column = -1
    } else if (text ~ /^\[.+\]$/) {
        print_list(text)
    } else {
        print path() "=" unquote(text)
    }
}

function end_literal()
{
    if (in_literal) {
        print path() "=" literal
        in_literal = 0
    }
}

BEGIN {
    document = 0
}

{
    match($0, /^ */)
    at = RLENGTH
    rest = substr($0, at + 1)
}

in_literal && (rest == "" || literal_column < 0 || at >= literal_column) {
    if (literal_column < 0) {
        literal_column = at
    }
    literal = literal (literal == "" ? "" : "\\n") substr($0, literal_column + 1)
    next
}

{
    end_literal()
}

rest == "" || rest ~ /^#/ {
    next
}

rest ~ /^---( |$)/ && at == 0 {
    if (seen) {
        document++
    }
    depth = 0
    seen = 1
    next
}

{
    seen = 1
    while (rest ~ /^-( |$)/) {
        while (depth > 0 && column[depth] > at) {
            depth--
        }
        if (depth > 0 && column[depth] == at && is_item[depth]) {
            name[depth]++
        } else {
            push(at, 0)
            is_item[depth] = 1
        }
        match(rest, /^- */)
        at += RLENGTH
        rest = substr(rest, RLENGTH + 1)
    }
    if (match(rest, /^("([^"\\]|\\.)*"|[^"'\[{ ][^:]*(:[^: ]+)*):( |$)/)) {
        key = substr(rest, 1, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
        sub(/: ?$/, "", key)
        while (depth > 0 && column[depth] >= at) {
            depth--
        }
        push(at, unquote(key))
        is_item[depth] = 0
        sub(/^ +/, "", rest)
        if (rest != "") {
            print_value(rest)
        }
    } else if (rest != "") {
        print_value(rest)
    }
}

END {
    end_literal()
}

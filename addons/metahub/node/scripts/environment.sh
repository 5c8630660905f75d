# Variables in the files of others, and what MetaHub takes the place of.

# assignments NAMES: the words that a setting has, each on a line, as systemd splits and unquotes
assignments() {
    awk -v names="$1" '
        function split_words(text,    i, c, quote, word, open) {
            for (i = 1; i <= length(text); i++) {
                c = substr(text, i, 1)
                if (c == "\\" && i < length(text)) { word = word substr(text, ++i, 1); open = 1 }
                else if (quote != "") { if (c == quote) quote = ""; else word = word c }
                else if (c == "\"" || c == "'\''") { quote = c; open = 1 }
                else if (c ~ /[ \t]/) { if (open) print word; word = ""; open = 0 }
                else { word = word c; open = 1 }
            }
            if (open) print word
        }
        { line = line $0 }
        /\\$/ { sub(/\\$/, " ", line); next }
        line ~ ("^[ \t]*(" names ")[ \t]*=") { sub(/^[^=]*=/, "", line); split_words(line) }
        { line = "" }'
}

# The lines of a file of variables, without quotes.
unquoted() { awk '{ sub(/\r$/, ""); print }' | sed "s/=[\"']\(.*\)[\"']\$/=\1/"; }

# comes_later FILE NAME: of what is read in the order of names
comes_later() { [ "$(printf '%s\n%s\n' "${1##*/}" "$2" | sort | tail -n 1)" != "$2" ]; }

# value_in NAME…: the last value of the first of these names that stdin has one for
value_in() {
    awk -F = -v names="$*" '
        { name = $1; sub(/^[^=]*=/, ""); values[name] = $0 }
        END { n = split(names, each, " ")
            for (i = 1; i <= n; i++) if (values[each[i]] != "") { print values[each[i]]; exit } }'
}

# all_values_in NAME…: every value of these, with commas
all_values_in() {
    awk -F = -v names="$*" '
        BEGIN { n = split(names, each, " "); for (i = 1; i <= n; i++) wanted[each[i]] }
        $1 in wanted { sub(/^[^=]*=/, ""); printf "%s,", $0 }'
}

warn_of_replaced() {
    case $1 in
    '') ;;
    *"@${PROXY#*://}" | "$PROXY" | "$PROXY/") ;;
    *) warn "$TITLE goes by another proxy until now, $(say "$1" | masked): MetaHub takes its place;" \
        "if MetaHub has to go out by it, config.yaml says how (mode: upstream)" ;;
    esac
}

# Prints the public items on one page of rustdoc, one a line: path, then declaration.
# Variables: crate, page (relative to the crate's folder).

function text(html) {
    gsub(/<a href="#"[^>]*class="tooltip"[^>]*>[^<]*<\/a>/, "", html)
    gsub(/<\/?div[^>]*>/, " ", html)
    gsub(/<[^>]*>/, "", html)
    gsub(/§/, "", html)
    gsub(/&lt;/, "<", html)
    gsub(/&gt;/, ">", html)
    gsub(/&quot;/, "\"", html)
    gsub(/&#39;/, "'", html)
    gsub(/&nbsp;/, " ", html)
    gsub(/&amp;/, "\\&", html)
    gsub(/[ \t\r\n]+/, " ", html)
    gsub(/^ | $/, "", html)
    gsub(/\]pub /, "] pub ", html)
    gsub(/\( /, "(", html)
    gsub(/, \)/, ")", html)
    return html
}

# The part of `html` up to `end`, all of it without one.
function until(html, end,   at) {
    at = index(html, end)
    return at ? substr(html, 1, at - 1) : html
}

# What follows `start` in `html`, nothing without one.
function after(html, start,   at) {
    at = index(html, start)
    return at ? substr(html, at + length(start)) : ""
}

BEGIN { RS = "\001" }

{
    path = page
    sub(/\.html$/, "", path)
    gsub(/\//, "::", path)
    kind = path
    sub(/^.*::/, "", kind)
    if (kind == "index") {
        sub(/(::)?index$/, "", path)
        path = path == "" ? crate : crate "::" path
        print path ": mod"
        count = split($0, part, /<dt id="reexport\./)
        for (i = 2; i <= count; i++)
            print path ": " text(until(after(part[i], "<code>"), "</code>"))
        exit
    }
    dot = index(kind, ".")
    name = substr(kind, dot + 1)
    kind = substr(kind, 1, dot - 1)
    sub(/[^:]*$/, "", path)
    path = crate "::" path name

    # Auto traits, impls for every type, methods that come by Deref, and implementors elsewhere.
    page_text = $0
    split("synthetic-implementations blanket-implementations implementors foreign-impls", last, " ")
    for (i in last)
        page_text = until(page_text, "id=\"" last[i] "\"")

    declaration = text(until(after(page_text, "<pre class=\"rust item-decl\">"), "</pre>"))
    if (kind == "macro")
        declaration = "macro_rules! " name
    else if (kind != "fn" && kind != "constant" && kind != "static" && kind != "type")
        sub(/ ?\{.*$/, "", declaration)
    print path ": " (declaration == "" ? kind : declaration)

    count = split(page_text, part, / id="/)
    for (i = 2; i <= count; i++) {
        id = until(part[i], "\"")
        class = until(after(part[i], "class=\""), "\"")
        if (class ~ /trait-impl/)
            continue
        if (id ~ /^impl-/ && class == "impl") {
            header = text(until(after(part[i], "<h3 class=\"code-header\">"), "</h3>"))
            sub(/ where .*$/, "", header)
            if (header ~ / for / && header !~ /^impl StructuralPartialEq/)
                print path ": " header
        } else if (id ~ /^(ty)?method\./ || id ~ /^associated(type|constant)\./) {
            member = id
            sub(/^[a-z]*\./, "", member)
            header = text(until(after(part[i], "<h4 class=\"code-header\">"), "</h4>"))
            sub(/ ?\{ \.\.\. \}$/, "", header)
            print path "::" member ": " header (id ~ /^tymethod/ ? " (required)" : "")
        } else if (id ~ /^variant\.[A-Za-z0-9_]*$/) {
            sub(/^variant\./, "", id)
            print path "::" id ": variant " text(until(after(part[i], "<h3 class=\"code-header\">"), "</h3>"))
        } else if (id ~ /^structfield\./ || id ~ /^variant\..*\.field\./) {
            sub(/^structfield\.|^variant\./, "", id)
            sub(/\.field\./, "::", id)
            print path "::" id ": " text(until(after(part[i], "<code>"), "</code>"))
        }
    }
}

package lint

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// hosts are package registries: which one is used is a matter of the machine's
// settings, never of this project. They are put together here so that this file
// does not name them.
var hosts = dotted(
	"proxy golang org", "sum golang org", "goproxy io", "goproxy cn",
	"registry npmjs org", "registry yarnpkg com", "unpkg com", "cdn jsdelivr net",
	"pypi org", "pypi python org", "files pythonhosted org",
	"crates io", "static crates io", "index crates io",
	"repo maven apache org", "repo1 maven org",
	"deb debian org", "ftp debian org", "security debian org", "archive ubuntu com", "dl-cdn alpinelinux org",
	"rubygems org", "cran r-project org",
	"docker io", "gcr io", "ghcr io", "quay io", "mcr microsoft com", "public ecr aws",
)

func dotted(names ...string) []string {
	for i, name := range names {
		names[i] = strings.ReplaceAll(name, " ", ".")
	}
	return names
}

var (
	hostName = regexp.MustCompile(`(?im)(?:^|[^a-z0-9.-])((?:[a-z0-9-]+\.)*(?:` + quoted(hosts) + `))(?:[^a-z0-9-]|$)`)
	// A path of somebody's machine: at the start of a word, not inside a URL.
	machinePath = regexp.MustCompile(`(?m)(?:^|[^A-Za-z0-9_.\-/*}])(/(?:wo` + `rk|ro` + `ot|ho` + `me/[a-z]+)/)`)
)

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = regexp.QuoteMeta(name)
	}
	return strings.Join(out, "|")
}

// text checks any file of the project, line by line; binary ones are left out.
func text(name string, data []byte) []finding {
	if bytes.IndexByte(data, 0) >= 0 {
		return nil
	}
	if !hostName.Match(data) && !machinePath.Match(data) {
		return nil
	}
	var found []finding
	n := 0
	for line := range bytes.Lines(data) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if m := hostName.FindSubmatch(line); m != nil {
			found = append(found, finding(fmt.Sprintf("%s:%d: it names the registry %s", name, n, m[1])))
		}
		if m := machinePath.FindSubmatch(line); m != nil {
			found = append(found, finding(fmt.Sprintf("%s:%d: it names the machine's path %s", name, n, m[1])))
		}
	}
	return found
}

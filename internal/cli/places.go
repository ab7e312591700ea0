package cli

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/where"
)

// placeFlags say where published packages are.
type placeFlags struct {
	suites, components, arches []string
	fromSources                bool
	keyring                    string
	unsigned                   bool
	expired, older             bool
	notes                      io.Writer // where --allow-… says what it took
	told                       []string
}

const placeHelp = `SOURCE is an address (http, https, file): with --suite of an apt archive,
without of an rpm-md repository. A path is a folder of packages, taken as it
is. With --from-sources the archives are the ones that this machine's own apt
sources name, all or those of --suite; SOURCE may then be left out.

The chain from the signature to each package is verified: InRelease by a key of
--keyring and within its Valid-Until, the index by the SHA-256 in it, a package
by the SHA-256 in that; of rpm-md, repomd.xml by repomd.xml.asc and the rest by
the checksums below it (SHA-256 or longer). --unsigned takes a repository that
nobody vouches for, such as one on this machine; --allow-expired an InRelease
that was signed but is beyond its Valid-Until, as those of snapshots are: what
was true once, and perhaps no longer. The cache keeps the date of the newest
signed InRelease of each address, and an older one is refused without
--allow-older. No address of https leads to one of http.`

const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

func (p *placeFlags) register(f *pflag.FlagSet) {
	f.StringArrayVar(&p.suites, "suite", nil, "suite of the apt archive (may be given again)")
	f.StringArrayVar(&p.components, "component", nil, "component (default: main, or what the apt sources name)")
	f.StringArrayVar(&p.arches, "arch", nil, "architecture, the archive's own word (default: the machine's; may be given again)")
	f.BoolVar(&p.fromSources, "from-sources", false, "use the archives of this machine's apt sources")
	f.StringVar(&p.keyring, "keyring", "", "public keys that may sign (default: that of the apt source, else Debian's)")
	f.BoolVar(&p.unsigned, "unsigned", false, "verify no signature")
	f.BoolVar(&p.expired, "allow-expired", false, "take an InRelease beyond its Valid-Until (snapshots)")
	f.BoolVar(&p.older, "allow-older", false, "take an InRelease that is older than the one taken before")
}

// sources opens what the arguments name.
func (p *placeFlags) sources(c *fetch.Client, args []string) ([]fetch.Source, error) {
	places, err := p.places(args)
	if err != nil {
		return nil, err
	}
	return c.Open(places, p.tellAllowed)
}

// places lists what the arguments name.
func (p *placeFlags) places(args []string) ([]fetch.Place, error) {
	if len(args) == 0 && !p.fromSources {
		return nil, usagef("no source: give an address, or --from-sources")
	}
	var lines []fetch.Line
	if p.fromSources {
		own, err := p.machine()
		if err != nil {
			return nil, err
		}
		lines = own
	}
	var out []fetch.Place
	for _, arg := range args {
		switch {
		case !strings.Contains(arg, "://"):
			out = append(out, fetch.Place{At: arg})
		case len(p.suites) == 0:
			m, err := p.rpmMD(arg)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
		default:
			for _, s := range p.suites {
				lines = append(lines, fetch.Line{URL: arg, Suite: s})
			}
		}
	}
	return append(out, p.apt(lines)...), nil
}

// rpmMD has no usual keyring: every vendor has its own.
func (p *placeFlags) rpmMD(at string) (fetch.Place, error) {
	m := fetch.Place{At: at, Arches: p.arches, Keyring: p.keyring}
	if len(m.Arches) == 0 {
		m.Arches = []string{rpmArch()}
	}
	switch {
	case p.unsigned:
		m.Keyring = ""
	case p.keyring == "":
		return m, usagef("%s: give --keyring FILE with the public keys of the repository, or --unsigned; for an apt archive, --suite", (&fetch.RpmMD{URL: at}).String())
	}
	return m, nil
}

// machine returns the lines of the machine's sources that are asked for.
func (p *placeFlags) machine() ([]fetch.Line, error) {
	lines, err := fetch.MachineSources("/etc/apt")
	if err != nil {
		return nil, err
	}
	if len(p.suites) > 0 {
		lines = slices.DeleteFunc(lines, func(l fetch.Line) bool { return !slices.Contains(p.suites, l.Suite) })
	}
	if len(lines) == 0 {
		return nil, where.New(where.Usage, "no such archive in this machine's apt sources").
			WithHint("give the address of the archive and --suite")
	}
	return lines, nil
}

// apt makes a place of each line, component and architecture.
func (p *placeFlags) apt(lines []fetch.Line) []fetch.Place {
	arches := p.arches
	if len(arches) == 0 {
		arches = []string{debArch()}
	}
	var out []fetch.Place
	for _, l := range lines {
		components := p.components
		switch {
		case strings.HasSuffix(l.Suite, "/"):
			components = []string{""}
		case len(components) == 0 && len(l.Components) > 0:
			components = l.Components
		case len(components) == 0:
			components = []string{"main"}
		}
		for _, component := range components {
			for _, arch := range arches {
				out = append(out, fetch.Place{At: l.URL, Suite: l.Suite, Component: component, Arches: []string{arch}, Keyring: p.keys(l), Expired: p.expired, Older: p.older})
			}
		}
	}
	return out
}

// tellAllowed says once what a flag let pass.
func (p *placeFlags) tellAllowed(at, what, flag string) {
	if !slices.Contains(p.told, flag+at) {
		p.told = append(p.told, flag+at)
		fmt.Fprintf(p.notes, "kpkg-btf: %s: %s: taken by %s\n", where.Clean(at), where.Clean(what), flag)
	}
}

// keys are those of the flag, else of the source itself, else Debian's; "" asks
// for no signature.
func (p *placeFlags) keys(l fetch.Line) string {
	switch {
	case p.unsigned || l.Trusted && p.keyring == "":
		return ""
	case p.keyring != "":
		return p.keyring
	case l.Keyring != "":
		return l.Keyring
	}
	return debianKeyring
}

// rpmArch is rpm's word for the architecture of this machine.
func rpmArch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "loong64":
		return "loongarch64"
	}
	return runtime.GOARCH
}

// debArch is Debian's word for the architecture of this machine.
func debArch() string {
	switch runtime.GOARCH {
	case "arm":
		return "armhf"
	case "386":
		return "i386"
	case "ppc64le":
		return "ppc64el"
	}
	return runtime.GOARCH
}

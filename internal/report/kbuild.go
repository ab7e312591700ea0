package report

import (
	"fmt"
	"io"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// stripAll is what modules_install passes to strip (scripts/Makefile.modinst):
// it removes BTF from every module and knows nothing of id lists and marks.
const stripAll = `# strip leaves no mark: judge what it made with the policy "none-expected: ['module:**']"
INSTALL_MOD_STRIP="--strip-debug -R .BTF -R .BTF.base"`

// Kbuild writes a decision as a piece of shell for a kernel build, to be run
// between make and make modules_install in the build tree (or with
// KBUILD_OUTPUT naming it): the assignment that lets kbuild strip all modules,
// where each is to be stripped and none has BTF ids that would be stale; else
// a run of apply with the decision that KPKG_BTF_DECISION names. What modules
// cannot repair ends the script with the decision's exit code.
func Kbuild(w io.Writer, r *model.Report) error {
	_, err := fmt.Fprintf(w, "# kpkg-btf: %s\n%s\n", r.Decision, kbuildLine(r))
	return err
}

func kbuildLine(r *model.Report) string {
	switch code := r.Outcome.ExitCode(); {
	case code == model.ExitDone:
		return ": # modules stay as they are"
	case code != model.ExitRepair:
		return fmt.Sprintf("echo 'kpkg-btf: %s: nothing that a kernel build can do to its modules' >&2; (exit %d)", where.Clean(r.Decision), code)
	case stripsEvery(r):
		return stripAll
	}
	return `kpkg-btf apply "${KPKG_BTF_DECISION:?the file of check --report json=FILE}" "${KBUILD_OUTPUT:-.}" --in-place`
}

// stripsEvery says that all modules are to be stripped and none has .BTF_ids.
func stripsEvery(r *model.Report) bool {
	n := 0
	for i := range r.Releases {
		for k := range r.Releases[i].Modules {
			m := &r.Releases[i].Modules[k]
			if m.Action != model.Strip || m.BTFIDs != "" {
				return false
			}
			n++
		}
	}
	return n > 0
}

package repair

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
)

// A folder that cannot be written to is found before the rehearsal. File
// system ids are those of a thread, and asking is all that needs them here.
func TestUnwritableFolder(t *testing.T) {
	files := kernelFiles(t, 2, releasetest.Kernel{})
	dir := tree(t, files)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	drivers := filepath.Join(dir, "usr/lib/modules", rel, "kernel/drivers")
	defer os.Chmod(drivers, 0o755)
	j := rehearsed(t, stripping(t, dir))
	var err error
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err = os.Chmod(drivers, 0o555); err == nil && os.Geteuid() == 0 {
			_, err = unix.SetfsuidRetUid(65534)
		}
		if err == nil {
			err = j.place(t.Context())
		}
	}()
	<-done
	if where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "m00.ko: its folder cannot be written to: permission denied") {
		t.Error(err)
	}
}

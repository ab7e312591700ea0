//go:build pipelines

package pipelines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/realtest"
)

// slurmConf is a cluster of this machine alone, on the loopback.
const slurmConf = `ClusterName=test
SlurmctldHost=%[1]s(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=%[2]s/munge.socket
SlurmctldPort=26817
SlurmdPort=26818
StateSaveLocation=%[2]s/state
SlurmdSpoolDir=%[2]s/spool
SlurmctldPidFile=%[2]s/ctld.pid
SlurmdPidFile=%[2]s/d.pid
SlurmctldLogFile=%[2]s/ctld.log
SlurmdLogFile=%[2]s/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName=%[1]s NodeAddr=127.0.0.1 CPUs=8 RealMemory=1000 State=UNKNOWN
PartitionName=p Nodes=ALL Default=YES State=UP
`

// cluster starts Slurm and returns its environment.
func cluster(t *testing.T) []string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("slurmd runs jobs of its users, so it wants root")
	}
	dir, err := os.MkdirTemp("", "slurm") // short: a socket lies in it
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	host, err := os.Hostname()
	must(t, err)
	host, _, _ = strings.Cut(host, ".")
	write(t, filepath.Join(dir, "slurm.conf"), fmt.Appendf(nil, slurmConf, host, dir))
	write(t, filepath.Join(dir, "key"), []byte(strings.Repeat("no secret of anybody's. ", 50)))
	must(t, os.Chmod(filepath.Join(dir, "key"), 0o600))
	for _, d := range []string{"state", "spool"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	env := append(os.Environ(), "SLURM_CONF="+filepath.Join(dir, "slurm.conf"))
	daemon := func(args ...string) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = env
		must(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Signal(os.Interrupt)
			time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
			_ = cmd.Wait()
		})
	}
	daemon("/usr/sbin/munged", "--foreground", "--force", "--key-file="+dir+"/key", "--socket="+dir+"/munge.socket", "--pid-file="+dir+"/munged.pid", "--log-file="+dir+"/munged.log", "--seed-file="+dir+"/seed")
	eventually(t, "munged", func() bool { _, err := os.Stat(dir + "/munge.socket"); return err == nil })
	daemon("/usr/sbin/slurmctld", "-D")
	daemon("/usr/sbin/slurmd", "-D")
	eventually(t, "slurmd", func() bool {
		out, err := slurm(env, dir, "sinfo -h -o %t")
		return err == nil && strings.TrimSpace(out) == "idle"
	})
	return env
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 300 {
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: not within half a minute", what)
}

func slurm(env []string, dir, script string) (string, error) {
	cmd := exec.Command("sh", "-euc", script)
	cmd.Env, cmd.Dir = env, dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestAuditSlurm: an array of two tasks, of which one is killed and requeued; then the
// merge is complete.
func TestAuditSlurm(t *testing.T) {
	env := cluster(t)
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	smallOld.deb(t, filepath.Join(dir, "pool"))
	smallNew.deb(t, filepath.Join(dir, "pool"))
	env = append(env, "PATH="+filepath.Dir(realtest.Binary(t))+":/usr/sbin:/usr/bin:/sbin:/bin", "XDG_CACHE_HOME="+dir)
	script := func(text string) string {
		t.Helper()
		out, err := slurm(env, dir, text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", text, err, out)
		}
		return out
	}
	script("kpkg-btf hooks print audit-slurm -o audit-slurm; kpkg-btf audit plan pool -o plan")
	id := strings.TrimSpace(script("sbatch --parsable --mem=0 --cpus-per-task=1 --array=1-2 -o log-%a audit-slurm plan store"))
	eventually(t, "the array", func() bool {
		out, err := slurm(env, dir, "squeue -h -r -t R -o %i")
		return err == nil && strings.Contains(out, id)
	})
	// One task is taken away while it runs, or is through already: it begins again.
	out, err := slurm(env, dir, "scontrol requeue "+id+"_1")
	t.Logf("requeue: %v %s", err, out)
	eventually(t, "the end of the array", func() bool {
		out, err := slurm(env, dir, "squeue -h -r -o '%i %T'")
		if err == nil && strings.Contains(out, "PENDING") {
			_, _ = slurm(env, dir, "scontrol release "+id+"; scontrol update JobId="+id+"_1 StartTime=now")
		}
		return err == nil && strings.TrimSpace(out) == ""
	})
	logs := script("cat log-1 log-2")
	for _, want := range []string{"share 1 of 2: ", "share 2 of 2: "} {
		if !strings.Contains(logs, want) {
			t.Errorf("no %q in the logs of the tasks:\n%s", want, logs)
		}
	}
	if out := script("kpkg-btf audit merge store plan -o audit"); !strings.Contains(out, "complete: ") {
		t.Errorf("%s", out)
	}
}

// TestAuditParallel: GNU parallel does the shares.
func TestAuditParallel(t *testing.T) {
	dir := t.TempDir()
	smallOld.deb(t, filepath.Join(dir, "pool"))
	smallNew.deb(t, filepath.Join(dir, "pool"))
	env := append(os.Environ(), "PATH="+filepath.Dir(realtest.Binary(t))+":/usr/bin:/bin", "XDG_CACHE_HOME="+dir)
	out, err := slurm(env, dir, "kpkg-btf hooks print audit-parallel -o audit-parallel; kpkg-btf audit plan pool -o plan; sh audit-parallel 2 plan store; kpkg-btf audit merge store plan -o audit")
	if err != nil || !strings.Contains(out, "share 2 of 2: ") || !strings.Contains(out, "complete: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

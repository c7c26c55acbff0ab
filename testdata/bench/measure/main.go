// Measure runs programs that extract packages in turn, and compares how long they
// take: see testdata/bench/compare, which calls it.
//
//	go run ./testdata/bench/measure [-n ROUNDS] [-d DIR] HOTFIX FILE...
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("n", 5, "rounds; each runs every program once")
	dir := flag.String("d", "/dev/shm", "where the extracted folders go")
	flag.Parse()
	if flag.NArg() < 2 || *rounds < 1 {
		log.Fatal("usage: measure [-n ROUNDS] [-d DIR] HOTFIX FILE...")
	}
	work, err := os.MkdirTemp(*dir, "hotfix-compare.")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(work)
	// Programs inherit the processors of the thread that starts them.
	runtime.LockOSThread()
	m := &measurement{work: work, hotfix: flag.Arg(0)}
	for _, file := range flag.Args()[1:] {
		for _, cores := range []int{2, 1} {
			if err := m.compare(file, cores, *rounds); err != nil {
				log.Print(err)
			}
		}
	}
}

// A measurement is one call of this program.
type measurement struct {
	work   string // a folder for what is extracted
	hotfix string // the command
}

// A cost is what one run took.
type cost struct {
	wall, cpu time.Duration
	peak      int64 // resident set, in bytes
}

// compare measures all programs that know the kind of the file, on so many cores.
func (m *measurement) compare(file string, cores, rounds int) error {
	if err := useCores(cores); err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d bytes, cores %d, rounds %d\n", filepath.Base(file), info.Size(), cores, rounds)
	programs := programsFor(file)
	costs := map[string][]cost{}
	failed := map[string]error{}
	for range rounds {
		for _, program := range programs {
			c, err := m.run(program, file)
			if err != nil {
				failed[program] = err
			}
			costs[program] = append(costs[program], c)
		}
		slices.Reverse(programs) // a machine whose speed drifts treats all alike
	}
	slices.Sort(programs)
	for _, program := range programs {
		if err := failed[program]; err != nil {
			fmt.Printf("  %-11s failed: %v\n", program, err)
			continue
		}
		print(program, costs[program], costs["hotfix"])
	}
	return nil
}

// programsFor returns the programs that extract files of this kind. 7zz does not know
// packages, and gets the cabinet of the same name, if there is one.
func programsFor(file string) []string {
	_, err := os.Stat(cabinetOf(file))
	switch cabinet := err == nil; {
	case strings.EqualFold(filepath.Ext(file), ".cab"):
		return []string{"hotfix", "7zz", "cabextract"}
	case cabinet:
		return []string{"hotfix", "7zz", "msiextract"}
	}
	return []string{"hotfix", "msiextract"}
}

func cabinetOf(file string) string { return strings.TrimSuffix(file, filepath.Ext(file)) + ".cab" }

// run extracts the file once, into a fresh folder.
func (m *measurement) run(program, file string) (cost, error) {
	out := filepath.Join(m.work, "out")
	if err := os.RemoveAll(out); err != nil {
		return cost{}, err
	}
	var c *exec.Cmd
	switch program {
	case "hotfix":
		c = exec.Command(m.hotfix, "extract", "-q", file, "-o", out)
	case "7zz":
		if _, err := os.Stat(cabinetOf(file)); err == nil {
			file = cabinetOf(file)
		}
		c = exec.Command("7zz", "x", "-y", "-o"+out, file)
	case "cabextract":
		c = exec.Command("cabextract", "-q", "-d", out, file)
	case "msiextract":
		c = exec.Command("msiextract", "-C", out, file)
	}
	log, err := os.Create(filepath.Join(m.work, "log"))
	if err != nil {
		return cost{}, err
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	start := time.Now()
	err = c.Run()
	wall := time.Since(start)
	if err != nil {
		said, _ := os.ReadFile(log.Name())
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		return cost{}, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return cost{}, errors.New("the system does not tell what a process used")
	}
	return cost{wall, c.ProcessState.UserTime() + c.ProcessState.SystemTime(), int64(usage.Maxrss) << 10}, nil
}

// print prints the medians of a program, and those over the rounds of how many times
// its throughput hotfix has.
func print(program string, costs, hotfix []cost) {
	over := func(value func(cost) float64) float64 {
		ratios := make([]float64, len(costs))
		for i := range costs {
			ratios[i] = value(costs[i]) / value(hotfix[i])
		}
		return median(ratios)
	}
	of := func(value func(cost) float64) float64 {
		values := make([]float64, len(costs))
		for i := range costs {
			values[i] = value(costs[i])
		}
		return median(values)
	}
	wall := func(c cost) float64 { return c.wall.Seconds() }
	cpu := func(c cost) float64 { return c.cpu.Seconds() }
	peak := func(c cost) float64 { return float64(c.peak) / (1 << 20) }
	fmt.Printf("  %-11s %7.4f s, CPU %7.4f s, peak %6.1f MiB   hotfix: %5.2f, by CPU %5.2f\n",
		program, of(wall), of(cpu), of(peak), over(wall), over(cpu))
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// useCores has programs that are started from now on run on the first cores.
func useCores(n int) error {
	var set unix.CPUSet
	for i := range n {
		set.Set(i)
	}
	return unix.SchedSetaffinity(0, &set)
}

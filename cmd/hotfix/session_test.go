package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/extract"
	"github.com/hotfixkit/hotfixkit/extract/source"
)

func TestExitCode(t *testing.T) {
	input := &source.Error{Package: "a.msi", Err: source.ErrMismatch}
	output := &extract.OutputError{Path: "out", Err: os.ErrPermission}
	usage := usagef("wrong")
	difference := &differenceError{errors.New("not verified")}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errDifference, exitDifference},
		{difference, exitDifference},
		{usage, exitUsage},
		{input, exitInput},
		{errors.New("anything else"), exitInput},
		{output, exitOutput},
		{context.Canceled, exitInterrupted},
		{fmt.Errorf("around: %w", output), exitOutput},
		{fmt.Errorf("around: %w", context.Canceled), exitInterrupted},
		// Of several, the worst.
		{errors.Join(nil, nil), exitOK},
		{errors.Join(errDifference, usage), exitUsage},
		{errors.Join(usage, input, errDifference), exitInput},
		{errors.Join(input, output), exitOutput},
		{errors.Join(errDifference, errors.Join(input, usage)), exitInput},
		{errors.Join(output, context.Canceled), exitInterrupted},
	} {
		require.Equal(t, c.want, exitCode(c.err), "%v", c.err)
	}
}

func TestReportNamesEveryError(t *testing.T) {
	var stdout, stderr bytes.Buffer
	s := &session{stdout: &stdout, stderr: &stderr, running: running{command: "extract", flags: map[string]bool{"keep-going": false}}}
	input := &source.Error{Package: "a.msi", Place: "x.dll", Err: source.ErrMismatch}
	require.Equal(t, exitInput, s.report(errors.Join(errDifference, input, usagef("wrong"))))
	require.Empty(t, stdout.String())
	require.Equal(t, "hotfix: a.msi: x.dll: content does not match\n  hint: the package is damaged: get it again; --keep-going extracts the files that are whole\n"+
		"hotfix: wrong\n  hint: `hotfix extract --help` shows how it is used\n", stderr.String())

	// In JSON the first one is in the document.
	stdout.Reset()
	s = &session{stdout: &stdout, stderr: &stderr, json: true}
	require.Equal(t, exitInput, s.report(errors.Join(input, usagef("wrong"))))
	require.JSONEq(t, `{"error":{"message":"a.msi: x.dll: content does not match","hint":"the package is damaged: get it again","package":"a.msi","place":"x.dll"},"errors":[{"message":"a.msi: x.dll: content does not match","hint":"the package is damaged: get it again","package":"a.msi","place":"x.dll"},{"message":"wrong","hint":"`+"`hotfix --help`"+` shows how it is used"}]}`, stdout.String())

	// A difference is printed where it is found.
	stderr.Reset()
	require.Equal(t, exitDifference, s.report(errDifference))
	require.Empty(t, stderr.String())
}

func TestMarshalWithError(t *testing.T) {
	for _, c := range []struct {
		result any
		err    error
		want   string
	}{
		{map[string]int{"a": 1}, nil, `{"a":1}`},
		{map[string]int{"a": 1}, errDifference, `{"a":1}`},
		{map[string]int{"a": 1}, errors.New("x"), `{"a":1,"error":{"message":"x"},"errors":[{"message":"x"}]}`},
		{struct{}{}, errors.New("x"), `{"error":{"message":"x"},"errors":[{"message":"x"}]}`},
		{[]int{1}, errors.New("x"), `[1]`},
		{map[string]string{"a": "<&>"}, nil, `{"a":"<&>"}`},
	} {
		doc, err := (&session{}).marshalWithError(c.result, c.err)
		require.NoError(t, err)
		require.Equal(t, c.want, string(doc))
	}
}

// brokenWriter stands for a full disk behind standard output.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestStandardOutputThatFails(t *testing.T) {
	sp2 := filepath.Join("..", "..", "testdata", "kb977203", "SCCM2007-SP2-KB977203-ENU.msi")
	for _, args := range [][]string{
		{"list", sp2}, {"cat", sp2, "FCertFix"}, {"tables", sp2, "File", "--format", "idt"}, {"tables", sp2, "File", "--format", "csv"}, {"info", sp2, "--json"},
		{"completion", "bash"}, {"completion", "bash", "--json"}, {"manifest", "list"}, {"manifest", "show", "kb977203-sp1", "--json"}, {"manifest", "schema"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, exitOutput, run(t.Context(), args, brokenWriter{}, &stderr), "%v", args)
		require.Contains(t, stderr.String(), "no space left on device")
	}
}

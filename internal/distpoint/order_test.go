package distpoint

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hotfixkit/hotfixkit/msp"
)

func TestSortPatches(t *testing.T) {
	a, b, c := Patch{KB: "KB977203"}, Patch{KB: "KB2659258"}, Patch{KB: "KB977384"}
	sorted, err := SortPatches([]Patch{b, c, a}, nil, "")
	require.NoError(t, err)
	require.Equal(t, []string{"KB977203", "KB977384", "KB2659258"}, numbers(sorted), "numbers, not texts")
	sorted, err = SortPatches([]Patch{a, b, c}, []string{"KB2659258", "977384", "kb977203"}, "")
	require.NoError(t, err)
	require.Equal(t, []string{"KB2659258", "KB977384", "KB977203"}, numbers(sorted))
	require.Equal(t, "as the order that was given says", sorted[1].Rule)
	_, err = SortPatches([]Patch{a, b}, []string{"KB977203"}, "")
	require.ErrorContains(t, err, "does not name KB2659258")
	_, err = SortPatches([]Patch{a}, []string{"977203", "977203"}, "")
	require.ErrorContains(t, err, "twice")
	_, err = SortPatches(nil, []string{"first"}, "")
	require.ErrorIs(t, err, ErrProperty)
}

func numbers(patches []Patch) []string {
	var all []string
	for _, p := range patches {
		all = append(all, p.KB)
	}
	return all
}

const product = "{00000000-0000-0000-0000-000000000001}"

// saying is a patch with these sequences, "FAMILY=NUMBER", and the numbers of those
// that it makes obsolete.
func saying(kb string, obsoletes []string, sequences ...msp.Sequence) Patch {
	return Patch{KB: kb, Path: kb + ".msp"}.withFacts(&msp.Patch{
		Code: "{" + kb + "}", Obsoletes: obsoletes, Products: []string{product}, Sequences: sequences,
	})
}

func family(name, number string) msp.Sequence {
	return msp.Sequence{Family: name, ProductCode: product, Sequence: number}
}

// TestSortPatchesByWhatTheySay checks each rule, and which wins where they differ.
func TestSortPatchesByWhatTheySay(t *testing.T) {
	for _, tt := range []struct {
		name    string
		patches []Patch
		want    []string
		rules   []string
	}{
		{
			"numbers only", []Patch{saying("KB2516517", nil), saying("KB982203", nil)},
			[]string{"KB982203", "KB2516517"}, []string{"", "by its KB number: nothing in the patches decides"},
		},
		{
			"family against the numbers", []Patch{saying("KB982203", nil, family("Client", "4.0.10")), saying("KB2516517", nil, family("Client", "4.0.9"))},
			[]string{"KB2516517", "KB982203"}, []string{"", "after KB2516517: patch family"},
		},
		{
			"replacement against the numbers", []Patch{saying("KB982203", []string{"{KB2516517}"}), saying("KB2516517", nil)},
			[]string{"KB2516517", "KB982203"}, []string{"", "after KB2516517: it replaces that one"},
		},
		{
			"family before replacement", []Patch{saying("KB982203", []string{"{KB2516517}"}, family("Client", "1")), saying("KB2516517", nil, family("Client", "2"))},
			[]string{"KB982203", "KB2516517"}, []string{"", "after KB982203: patch family"},
		},
		{
			"families that run in a circle", []Patch{
				saying("KB000001", nil, family("A", "1"), family("C", "2")), saying("KB000002", nil, family("A", "2"), family("B", "1")),
				saying("KB000003", nil, family("B", "2"), family("C", "1")),
			},
			[]string{"KB000001", "KB000002", "KB000003"}, []string{"", "after KB000001: patch family", "after KB000002: patch family"},
		},
		{
			"one that cannot be read", []Patch{{KB: "KB900000"}, saying("KB982203", nil, family("Client", "2")), saying("KB2516517", nil, family("Client", "1"))},
			[]string{"KB900000", "KB2516517", "KB982203"},
			[]string{"", "by its KB number: nothing in the patches decides", "after KB2516517: patch family"},
		},
	} {
		for range 2 {
			sorted, err := SortPatches(tt.patches, nil, "")
			require.NoError(t, err, tt.name)
			var rules []string
			for _, p := range sorted {
				rules = append(rules, p.Rule)
			}
			require.Equal(t, tt.want, numbers(sorted), tt.name)
			require.Equal(t, tt.rules, rules, tt.name)
			slices.Reverse(tt.patches)
		}
	}
	other := "{00000000-0000-0000-0000-000000000002}"
	sorted, err := SortPatches([]Patch{saying("KB982203", nil, family("Client", "2")), saying("KB2516517", nil, family("Client", "1"))}, nil, other)
	require.NoError(t, err)
	require.Equal(t, "KB982203", sorted[0].KB, "the families are of another client")
}

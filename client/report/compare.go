package report

import (
	"encoding/json/v2"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// maxMismatches bounds what Compare lists: the first few say enough.
const maxMismatches = 50

// Compare returns where two reports differ, as paths with both values, the
// first ones if there are very many. Nothing is left out of the comparison.
func Compare(claimed, made any) ([]string, error) {
	var trees [2]any
	for i, r := range []any{claimed, made} {
		data, err := json.Marshal(r, json.Deterministic(true))
		if err == nil {
			err = json.Unmarshal(data, &trees[i])
		}
		if err != nil {
			return nil, fmt.Errorf("compare reports: %w", err)
		}
	}
	var out []string
	differ("", trees[0], trees[1], &out)
	return out, nil
}

func differ(at string, a, b any, out *[]string) {
	if len(*out) == maxMismatches {
		return
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			names := maps.Clone(x)
			maps.Copy(names, y)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				differ(at+"."+name, orAbsent(x, name), orAbsent(y, name), out)
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				differ(at+"["+strconv.Itoa(i)+"]", element(x, i), element(y, i), out)
			}
			return
		}
	default:
		if a == b {
			return
		}
	}
	*out = append(*out, fmt.Sprintf("%s: the report says %s, the evidence %s", at[min(1, len(at)):], brief(a), brief(b)))
}

// absent stands for what one of the two does not have.
type absent struct{}

func orAbsent(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return absent{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

// brief prints a value in a few words.
func brief(v any) string {
	const most = 80
	if v == (absent{}) {
		return "nothing"
	}
	data, _ := json.Marshal(v, json.Deterministic(true)) // what was decoded encodes
	if len(data) > most {
		return string(data[:most]) + "…"
	}
	return string(data)
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hotfixkit/hotfixkit/internal/display"
)

// elements is a list in a JSON document that is made while it is printed.
type elements interface{ JSONElements() iter.Seq[any] }

// A document prints a JSON document piece by piece: what encoding/json would print at
// once, for which it holds two or three copies of it in memory.
type document struct {
	out    *bufio.Writer
	indent bool // else all is on one line
	// interrupted ends the lists of the document where they are, once it is closed.
	interrupted <-chan struct{}
	cut         bool // it did
	err         error
}

// A member is one of an object that its Go value does not have.
type member struct {
	name  string
	value any
}

// pieces returns the struct or list that a document is made of; false where it can only
// be encoded at once.
func pieces(result any) (reflect.Value, bool) {
	v := reflect.ValueOf(result)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	return v, v.Kind() == reflect.Struct && isPlain(v.Type()) || v.Kind() == reflect.Slice && !marshals(v.Type())
}

// printDocument prints a struct or list. With err, a struct gets the members that tell
// of it, as it does where the run is told to stop meanwhile: the document is one all the
// same, whose lists lack their ends.
func (s *session) printDocument(w io.Writer, v reflect.Value, err error, indent bool) error {
	d := &document{out: bufio.NewWriterSize(w, 32<<10), indent: indent, interrupted: s.interrupted}
	if v.Kind() == reflect.Struct {
		d.object(v, 0, func() []member {
			if d.cut {
				err = errors.Join(context.Canceled, err)
			}
			return s.errorMembers(err)
		})
	} else {
		d.value(v, 0)
	}
	d.text("\n")
	if d.err == nil {
		d.err = d.out.Flush()
	}
	if d.err == nil && d.cut {
		return context.Canceled
	}
	return d.err
}

// isCut reports whether lists end here, because the run is told to stop.
func (d *document) isCut() bool {
	select {
	case <-d.interrupted:
		d.cut = true
	default:
	}
	return d.cut || d.err != nil
}

func (d *document) text(s string) {
	if d.err == nil {
		_, d.err = d.out.WriteString(s)
	}
}

// line starts a line, if there are several.
func (d *document) line(depth int) {
	if d.indent {
		d.text("\n" + strings.Repeat("  ", depth))
	}
}

func (d *document) value(v reflect.Value, depth int) {
	whole := pointerTo(v)
	for (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		v = v.Elem()
	}
	list, isList := v.Interface().(elements)
	switch {
	case isList:
		d.list(list.JSONElements(), depth)
	case v.Kind() == reflect.Slice && !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 && !marshals(v.Type()):
		d.list(func(yield func(any) bool) {
			for i := range v.Len() {
				if !yield(pointerTo(v.Index(i))) {
					return
				}
			}
		}, depth)
	case v.Kind() == reflect.Struct && isPlain(v.Type()) && holdsElements(v.Type()):
		d.object(v, depth, nil)
	default:
		d.leaf(whole, depth)
	}
}

// pointerTo returns a value by its address where it has one: methods of encoding/json
// may need it.
func pointerTo(v reflect.Value) any {
	if v.CanAddr() {
		return v.Addr().Interface()
	}
	return v.Interface()
}

// leaf prints a value that encoding/json encodes at once.
func (d *document) leaf(v any, depth int) {
	encoded, err := marshal(v)
	if err != nil && d.err == nil {
		d.err = err
	}
	if d.indent && err == nil {
		var b bytes.Buffer
		if err := json.Indent(&b, encoded, strings.Repeat("  ", depth), "  "); err != nil && d.err == nil {
			d.err = err
		}
		encoded = b.Bytes()
	}
	d.text(string(display.JSON(encoded)))
}

func (d *document) list(all iter.Seq[any], depth int) {
	separator := "["
	for one := range all {
		if d.isCut() {
			break
		}
		d.text(separator)
		separator = ","
		d.line(depth + 1)
		if v := reflect.ValueOf(one); v.IsValid() && holdsElements(v.Type()) {
			d.value(v, depth+1)
		} else {
			d.leaf(one, depth+1)
		}
	}
	if separator == "[" {
		d.text("[]")
		return
	}
	d.line(depth)
	d.text("]")
}

func (d *document) object(v reflect.Value, depth int, more func() []member) {
	separator := "{"
	name := func(name string) {
		d.text(separator)
		separator = ","
		d.line(depth + 1)
		if d.text(strconv.Quote(name) + ":"); d.indent {
			d.text(" ")
		}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || key == "-" || omitted(v.Field(i), strings.Split(options, ",")) {
			continue
		}
		if key == "" {
			key = f.Name
		}
		name(key)
		d.value(v.Field(i), depth+1)
	}
	if more != nil {
		for _, m := range more() {
			name(m.name)
			d.leaf(m.value, depth+1)
		}
	}
	if separator == "{" {
		d.text("{}")
		return
	}
	d.line(depth)
	d.text("}")
}

// omitted applies the options omitempty and omitzero of encoding/json.
func omitted(v reflect.Value, options []string) bool {
	empty := false
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		empty = v.Len() == 0
	case reflect.Struct:
	default:
		empty = v.IsZero()
	}
	return empty && slices.Contains(options, "omitempty") || v.IsZero() && slices.Contains(options, "omitzero")
}

// isPlain reports whether a struct is printed field by field, as this file does it.
func isPlain(t reflect.Type) bool {
	if marshals(t) {
		return false
	}
	for i := range t.NumField() {
		_, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if t.Field(i).Anonymous || strings.Contains(options, "string") {
			return false
		}
	}
	return true
}

// marshals reports whether a type encodes itself.
func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// holdsElements reports whether a type is a list that is made while it is printed, or a
// struct with one.
func holdsElements(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Implements(reflect.TypeFor[elements]()) {
		return true
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).Type.Implements(reflect.TypeFor[elements]()) {
			return true
		}
	}
	return false
}

package config

import (
	"fmt"
	"sort"
	"strings"
)

// Place is where a value came from: a place in the file, or a variable of the
// environment.
type Place struct {
	File      string
	Line, Col int    // from 1; 0: the file as a whole
	Env       string // the variable's name
}

func (p Place) String() string {
	switch {
	case p.Env != "":
		return p.Env
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one thing that is wrong, with its place and the way out.
type Problem struct {
	Place
	Message string
}

func (p Problem) String() string {
	if place := p.Place.String(); place != "" {
		return place + ": " + p.Message
	}
	return p.Message
}

// InvalidError is all that is wrong with a config, in the order of the file: a line
// for each problem.
type InvalidError []Problem

func (ps InvalidError) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func sortProblems(ps []Problem) {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i].Place, ps[j].Place
		if a.Env != b.Env {
			return a.Env < b.Env
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
}

// places knows by its path ("streams.yard.source") where each value came from.
type places struct {
	file string
	by   map[string]Place
}

func (ps places) set(path string, p Place) { ps.by[path] = p }

// of returns the place of a path, or of the nearest one around it.
func (ps places) of(path string) Place {
	for path != "" {
		if p, ok := ps.by[path]; ok {
			return p
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return Place{File: ps.file}
}

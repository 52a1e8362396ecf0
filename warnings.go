package camgate

import (
	"maps"
	"slices"
)

// Warn sets what people should know of a stream although it works: "" takes it back.
// There is one text for each topic, such as "tls". It holds no secrets.
func (s *Stream) Warn(topic, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.warnings[topic] == text {
		return
	}
	if s.warnings == nil {
		s.warnings = map[string]string{}
	}
	s.warnings[topic] = text
	if text == "" {
		delete(s.warnings, topic)
	}
	s.broadcast()
}

// warned lists the warnings by topic. The caller holds mu.
func (s *Stream) warned() []string {
	var out []string
	for _, topic := range slices.Sorted(maps.Keys(s.warnings)) {
		out = append(out, s.warnings[topic])
	}
	return out
}

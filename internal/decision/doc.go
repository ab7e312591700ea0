// Package decision reads decision documents (model.Report as JSON: what check
// and decide write with --format json) and puts several of them together.
//
// Read is strict where apply and decide rely on the text: no member twice, none
// that is required missing, no word or figure that the rest contradicts. A
// field that this version does not know is ignored, unless must_understand
// names it; a document of another major version is refused.
package decision

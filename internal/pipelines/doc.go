// Package pipelines holds the tests that run real package builders (`make
// pipelines`). It is empty without the build tag.
package pipelines

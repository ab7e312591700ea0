// Package e2e holds the tests of the whole program on real packages
// (`make e2e`). It is empty without the build tag.
package e2e

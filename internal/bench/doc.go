// Package bench measures the speed promises as ratios in one run (`make
// bench`). It is empty without the build tag.
package bench

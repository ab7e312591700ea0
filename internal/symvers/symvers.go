// Package symvers reads a kernel's exported symbols: Module.symvers, the
// symvers.gz of Fedora, and the tables inside an image, in one model.
package symvers

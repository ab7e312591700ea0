// Package health looks at what a build encoded, whether or not it fits anything
// else: do kfuncs stand in BTF as programs need them, are types there once, is a
// base in the order that its kernel searches by. It is about one blob of BTF with
// its .BTF_ids, or about a module on its base; nothing here is a verdict.
package health

// Package identitytest makes keys and statements for tests.
package identitytest

"""The bundle format that builder and host share: values and strict readers, independent of any installation."""

"""Keys and what is signed with them: releases, policies, the slip that is compared by hand."""

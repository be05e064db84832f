PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_users` (
	`id` integer PRIMARY KEY,
	`email` text NOT NULL UNIQUE,
	`name` text DEFAULT ''
);
--> statement-breakpoint
INSERT INTO `__new_users`(`id`, `email`, `name`) SELECT `id`, `email`, `name` FROM `users`;--> statement-breakpoint
DROP TABLE `users`;--> statement-breakpoint
ALTER TABLE `__new_users` RENAME TO `users`;--> statement-breakpoint
PRAGMA foreign_keys=ON;
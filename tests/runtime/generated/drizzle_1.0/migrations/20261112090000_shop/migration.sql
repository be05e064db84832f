CREATE TABLE `posts` (
	`id` integer PRIMARY KEY,
	`author_id` integer NOT NULL,
	`title` text NOT NULL,
	CONSTRAINT `fk_posts_author_id_users_id_fk` FOREIGN KEY (`author_id`) REFERENCES `users`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
CREATE TABLE `users` (
	`id` integer PRIMARY KEY,
	`email` text NOT NULL UNIQUE,
	`name` text
);
